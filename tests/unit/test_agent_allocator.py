"""The allocator's two states: what each costs in page faults, and where there are none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lab.agent.case import Case, Unsupported
from lab.agent.scenario import load
from lab.agent.toolkit import allocator

ROOT = Path(__file__).resolve().parents[2]
MESSAGES = """
import resource, sys
from lab.agent.toolkit.allocator import prepare
prepare(sys.argv[1])
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
before = faults()
for _ in range(50):
    [b"x" * 1_048_576, b"y" * 1_048_576, b"z" * 1_048_576]  # as a message, its frame and what was received
print(faults() - before)
"""
ours = pytest.mark.skipif(bool(allocator.without_thresholds()), reason="the allocator's thresholds do not grow here")


@ours
def test_a_fresh_process_touches_new_pages_for_each_message_and_one_that_retains_memory_does_not() -> None:
    faults = {
        state: int(
            subprocess.run(
                [sys.executable, "-c", MESSAGES, state], cwd=ROOT, check=True, capture_output=True, text=True
            ).stdout
        )
        for state in allocator.STATES
    }
    pages = 1_048_576 // os.sysconf("SC_PAGE_SIZE")
    assert faults["fresh"] > 50 * pages
    assert faults["retained"] < 4 * pages


def test_only_large_messages_have_a_state_and_only_below_the_largest_threshold() -> None:
    def states(size: int) -> list[Any]:
        axes: dict[str, list[Any]] = {
            "mechanism": ["pipe"],
            "payload_bytes": [size],
            "placement": ["same_cpu"],
            "payload": ["bytes"],
        }
        return [values["allocator"] for values in load("ipc.round_trip").cases(axes, 2).values()]

    assert states(16_384) == [None]
    assert states(65_536) == states(16_777_216) == ["fresh", "retained"]
    assert states(67_108_864) == ["fresh"]
    assert list(load("ipc.round_trip").cases({"mechanism": ["pipe"], "payload_bytes": [1_048_576]}, 2))[:2] == [
        "pipe-1048576-same_cpu",
        "pipe-1048576-same_cpu-retained",
    ]


def test_where_thresholds_do_not_grow_the_state_is_unsupported_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    allocator.prepare("fresh")
    allocator.prepare(None)
    monkeypatch.setattr(os, "confstr", lambda _name: "glibc 2.36", raising=False)
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "134217728")
    with pytest.raises(Unsupported, match="the environment fixes the allocator's thresholds: MALLOC_TRIM_THRESHOLD_"):
        allocator.prepare("retained")
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_")
    monkeypatch.setattr(sys, "abiflags", "t", raising=False)
    with pytest.raises(Unsupported, match="mimalloc"):
        allocator.prepare("retained")

    def missing(_name: str) -> str:
        raise ValueError("unrecognized configuration name")

    for other in (lambda _name: None, missing):
        monkeypatch.setattr(os, "confstr", other)
        with pytest.raises(Unsupported, match="another C library"):
            allocator.prepare("retained")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="page faults are read from /proc")
@pytest.mark.parametrize("state", ["fresh", None])
def test_page_faults_stand_beside_the_time_where_there_is_a_state(state: str | None) -> None:
    lines: list[dict[str, Any]] = []
    target = {"round": 0, "batches": 1, "own_cgroup": False}
    case = Case({"values": {"allocator": state}, "seed": 0, "loops": {"job": 40}}, target, lines.append)

    def batch(loops: int) -> int:
        for _ in range(loops):
            bytearray(40_000_000)[::4096] = bytes(len(range(0, 40_000_000, 4096)))
        return loops

    case.measure("job", batch)
    case.close()
    if state is None:
        assert all("minor_faults" not in line["spent"] for line in lines)
    else:
        assert all(line["spent"]["minor_faults"] >= line["spent_loops"] for line in lines)
