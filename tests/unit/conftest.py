"""Run folders without a measurement: a real manifest, and raw lines as the agent writes them; cases that are closed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from lab.agent.case import Case
from lab.agent.facts import bytecode
from lab.model import Cell, Limit, Target, WallSplit
from lab.planning import selection
from lab.planning.budget import Layout
from lab.planning.plan import Options, OtherShardCell, Planned
from lab.planning.profiles import profile
from lab.planning.survey import Matrix, Wanted
from lab.runs.folder import RunFolder
from lab.runs.manifest import first_manifest
from lab.runs.manifest import host as host_facts
from tests.raw_lines import append

MakeRun = Callable[..., Path]
TARGET = Target(
    id="py313-linux-native-c1",
    key="3.13",
    engine="none",
    os="linux",
    arch="x86_64",
    limit=Limit(mode="affinity", cpus=1),
    cpus_visible=1,
)


def cells(*names: str) -> tuple[Cell, ...]:
    return tuple(
        Cell(target=TARGET.id, scenario=name, case=case, values={"workers": 1}, deadline_s=60, estimate_s=1)
        for name in names
        for case in ("one", "two")
    )


PLAN = cells("ipc.fan", "pool.api", "process.start")


def planned(shard: tuple[int, int] | None, plan: tuple[Cell, ...]) -> Planned:
    parts = selection.shards(plan, shard[1]) if shard else [plan]
    mine = shard[0] - 1 if shard else 0
    return Planned(
        profile=profile("smoke"),
        matrix=Matrix(targets=(TARGET,), engine=None, images=None, interpreters={}),
        targets=(TARGET,),
        cells=parts[mine],
        layout=Layout(rounds=1),
        budget_s=profile("smoke").budget_s,
        elsewhere=tuple(
            OtherShardCell(shard=number, cell=cell, target=TARGET)
            for number, part in enumerate(parts, 1)
            if number - 1 != mine
            for cell in part
        ),
    )


@pytest.fixture(autouse=True)
def cases_are_closed() -> Iterator[None]:
    """Close the files of every case that a test made: ``select`` takes no descriptor beyond 1,023."""
    made: list[Case] = []
    begin = Case.__init__

    def noted(case: Case, *args: Any, **settings: Any) -> None:
        begin(case, *args, **settings)
        made.append(case)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Case, "__init__", noted)
        yield
    for case in made:
        case.close()


@pytest.fixture(scope="session")
def uncached() -> list[str]:
    """The modules of this process without cached bytecode, looked up once."""
    return bytecode.uncached_modules()


@pytest.fixture(autouse=True)
def bytecode_is_looked_up_once(monkeypatch: pytest.MonkeyPatch, uncached: list[str]) -> None:
    """Every observed worker looks up the bytecode of all modules: hundreds in this process, a few dozen in a target."""
    monkeypatch.setattr(bytecode, "uncached_modules", lambda: uncached)


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """A run of a shard of ``plan`` on ``host``, each cell with one batch of ``value_ns``."""

    def make(
        name: str,
        *,
        shard: tuple[int, int] | None = None,
        host: str = "alpha",
        plan: tuple[Cell, ...] = PLAN,
        seed: int = 0,
        value_ns: int = 1000,
    ) -> Path:
        what = planned(shard, plan)
        options = Options(
            profile="smoke", wanted=Wanted(user_images={}), shard=shard, seed=seed, command=f"lab run {name}"
        )
        manifest = first_manifest(
            name, options, what, dt.datetime(2026, 1, 1, tzinfo=dt.UTC), machine=host_facts(), selfcheck=None
        )
        finished = replace(
            manifest,
            host=replace(manifest.host, label=host, os="linux", arch="x86_64"),
            finished="2026-01-01T01:00:00+00:00",
            rounds_done=1,
            split=WallSplit(wall_s=1.0),
        )
        with RunFolder.create(tmp_path / name) as folder:
            folder.write_manifest(finished)
            for cell in what.cells:
                append(folder, TARGET.id, 0, *records(cell.case_key, value_ns))
        return tmp_path / name

    return make


def records(case: str, value_ns: int) -> list[dict[str, object]]:
    sample = {"operation": "job", "sample": 0, "warmup": 0, "elapsed_ns": value_ns, "loops": 1, "columns": {}}
    return [
        {"kind": "start", "cell": case},
        {"kind": "sample", "cell": case, "spent": {}, **sample},
        {"kind": "end", "cell": case, "status": "ok", "reason": None, "split": {}},
    ]
