"""On Windows a cell ends with its Job Object, whatever became of the processes in between.

Run by ``nox -s tests`` on Windows, and under Wine by test_host_under_wine.py.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lab.agent.cleanup.job_objects import job_of
from lab.agent.supervisor import end_tree

pytestmark = pytest.mark.skipif(sys.platform != "win32", reason="Job Objects are Windows's; see test_host_under_wine")

ROOT = Path(__file__).resolve().parents[2]
GONE_S = 30.0
# Told to, it starts a process, says which, and ends: that one is without a parent then, and holds no pipe of ours.
PARENT = """
import subprocess, sys
from subprocess import DEVNULL
sys.stdin.readline()
sleeper = [sys.executable, "-I", "-c", "import time; time.sleep(600)"]
print(subprocess.Popen(sleeper, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL).pid, flush=True)
"""
# What the agent is to a cell: it puts the parent into a job, and then waits to be killed.
SUPERVISOR = """
import subprocess, sys, time
sys.path.insert(0, sys.argv[1])
from lab.agent.cleanup.job_objects import job_of
parent = subprocess.Popen([sys.executable, "-I", "-c", sys.argv[2]], stdin=subprocess.PIPE)
job = job_of(parent)
parent.communicate(b"go\\n")
time.sleep(600)
"""


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-I", "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        yield process


def orphan_of(parent: subprocess.Popen[bytes]) -> psutil.Process:
    """The process that it has started, once it has ended itself."""
    told, _ = parent.communicate(b"go\n")
    orphan = psutil.Process(int(told))
    assert parent.returncode == 0
    assert orphan.is_running()
    return orphan


def test_a_process_whose_parent_has_ended_ends_with_the_job(parent: subprocess.Popen[bytes]) -> None:
    job = job_of(parent)
    assert job is not None, "Windows refuses a Job Object"
    orphan = orphan_of(parent)
    end_tree(parent, job)
    orphan.wait(GONE_S)


def test_without_a_job_it_lives_on(parent: subprocess.Popen[bytes]) -> None:
    """The control: were this to fail, the test above would show nothing."""
    orphan = orphan_of(parent)
    try:
        end_tree(parent)
        with pytest.raises(psutil.TimeoutExpired):
            orphan.wait(1.0)
    finally:
        orphan.kill()
        orphan.wait(GONE_S)


def test_what_a_killed_supervisor_left_ends_with_its_last_handle() -> None:
    with subprocess.Popen(
        [sys.executable, "-I", "-c", SUPERVISOR, str(ROOT), PARENT], stdout=subprocess.PIPE
    ) as supervisor:
        assert supervisor.stdout is not None
        orphan = psutil.Process(int(supervisor.stdout.readline()))
        assert orphan.is_running()
        supervisor.kill()
        orphan.wait(GONE_S)
