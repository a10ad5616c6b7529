"""The native target as it is on this system, from a stage whose path has spaces and letters beyond ASCII in it.

Run by ``nox -s tests`` wherever that runs, and on a Windows CPython under Wine by test_host_under_wine.py.
"""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import Any

import pytest

from lab.agent.protocol import decode_line
from lab.model import Limit, Target
from lab.planning.cells import target_id
from lab.targets.interpreters import Interpreter, host_arch, host_os
from lab.targets.native import NativeRunner, can_pin
from lab.targets.request import Request, RequestedCell

pytestmark = pytest.mark.skipif(not can_pin(), reason="this system cannot bind a process to a CPU")

LIMIT = Limit(mode="affinity", cpus=1)
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
OWN = Interpreter(
    version=VERSION,
    patch=platform.python_version(),
    free_threaded="free-threading" in sys.version,
    executable=Path(sys.executable),
    prefix=Path(sys.base_prefix),
    os=host_os(),
    arch=host_arch(),
)
# Sizes at the edge where a named pipe of Windows is read for a second time, beside a process and shared memory.
CELLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("process.start", {"start_method": "spawn", "placement": "same_cpu", "imports": "none", "bytecode": "compiled"}),
    *(
        ("ipc.round_trip", {"mechanism": name, "payload_bytes": size, "placement": "same_cpu", "payload": "bytes"})
        for name, size in (("pipe", 128), ("pipe", 129), ("duplex_pipe", 129), ("shared_memory", 64))
    ),
)


def asked_for(target: Target, cpus: list[int] | None) -> Request:
    cells = [
        RequestedCell(id=f"{name}/{number}", scenario=name, values=values, seed=1, deadline_s=60.0)
        for number, (name, values) in enumerate(CELLS)
    ]
    return Request.from_target(target, cpus, 0, cells)


def test_cells_run_on_one_cpu_from_a_folder_of_such_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "Läufe mit Lücken"
    monkeypatch.setattr("platformdirs.user_cache_path", lambda _name: cache)
    target = Target(
        id=target_id(OWN.key, OWN.os, LIMIT, native=True),
        key=OWN.key,
        engine="none",
        os=OWN.os,
        arch=OWN.arch,
        limit=LIMIT,
        cpus_visible=1,
    )
    runner = NativeRunner({OWN.key: OWN})
    cpus = runner.cpus_for(target, 0)
    with runner.start(target, cpus, asked_for(target, cpus)) as running:
        lines = [decode_line(line) for line in running.lines()]
        ended = running.why_ended()
    assert ended == "the agent's process ended with code 0"
    assert runner.stage(OWN).is_relative_to(cache)
    facts = lines[0]["facts"]
    assert (lines[0]["mismatch"], facts["affinity"]) == ("", cpus)
    ends = {line["cell"]: (line["status"], line["reason"]) for line in lines if line["kind"] == "end"}
    assert {status for status, _ in ends.values()} == {"ok"}, ends
    assert len(ends) == len(CELLS)
    assert facts["os"] == host_os()
