"""Machines that are not there: what a survey finds on one, and a main job that runs there by a fake runner."""

from __future__ import annotations

import io
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from rich.console import Console

from lab.claims import evaluate
from lab.errors import NothingToRunOn
from lab.model import Limit
from lab.runs.folder import RunFolder
from lab.stats.tables.summary import summarize
from lab.tables import csv_files, schema
from lab.tables.read import RunTables
from lab.targets.engine import Engine
from lab.targets.interpreters import Interpreter, Search
from tests.fake_runs import FakeRunner

if TYPE_CHECKING:
    from lab.report.building import Report


def engine(**fields: Any) -> Engine:
    """A Docker engine elsewhere, with four CPUs."""
    usual: dict[str, Any] = {
        "name": "docker", "version": "27.0", "api_version": "1.46", "address": "tcp://there:2375", "is_local": False,
        "cpus": 4, "memory_bytes": 2**33, "os": "linux", "arch": "x86_64", "operating_system": "Debian",
        "kernel": "6.1", "cgroup_version": "2", "rootless": False, "runtime": "runc", "runtime_commit": "",
        "components": {}, "storage_driver": "overlay2", "security_options": (), "warnings": (), "remarks": (),
        "client": None, "endpoint": None,
    }  # fmt: skip
    return Engine(**{**usual, **fields})


@dataclass(kw_only=True)
class FakeMachine:
    """What a machine has. ``engine``: what answers, or what is said instead; ``images``: the versions to be had."""

    pythons: tuple[str, ...] = ("3.9", "3.13")
    cpus: int = 2
    system: str = "linux"
    pins: bool = True
    no_quota: str = ""
    found_quota: Limit | None = None
    complaints: tuple[str, ...] = ()
    engine: Engine | NothingToRunOn = field(default_factory=lambda: NothingToRunOn("no container engine answers"))
    images: tuple[str, ...] = ("3.9", "3.13")
    source: str = "registry"
    runner: FakeRunner = field(default_factory=FakeRunner)
    no_runner: NothingToRunOn | None = None
    chosen: dict[str, Any] = field(default_factory=dict)  # what images were asked for by

    def interpreters(self) -> tuple[Interpreter, ...]:
        return tuple(
            Interpreter(
                version=key.rstrip("t"), patch=f"{key.rstrip('t')}.1", free_threaded=key.endswith("t"),
                executable=Path(f"/opt/python{key}"), prefix=Path("/opt"), os=self.system, arch="x86_64",
            )
            for key in self.pythons
        )  # fmt: skip

    def connect(self, kind: str, _context: str | None = None) -> Engine:
        assert kind != "none"
        if isinstance(self.engine, NothingToRunOn):
            raise self.engine
        return self.engine

    def choose(
        self, _engine: Engine, mode: str, given: dict[str, str], registry: str | None, _say: object, **found: Any
    ) -> Any:
        self.chosen = {"mode": mode, "given": given, "registry": registry, **found}
        return SimpleNamespace(
            source="wine" if mode == "wine" else self.source,
            available=lambda: tuple(dict.fromkeys((*given, *self.images))),
        )

    def runners(self, _manifest: object, planned: Any, _say: object) -> dict[str, FakeRunner]:
        if self.no_runner:
            raise self.no_runner
        return {target.runner: self.runner for target in planned.targets}

    def becomes(self, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
        """From now on a survey and a main job find this machine. All names of the lab that must change stand here."""
        found = {
            "search": lambda: Search(interpreters=self.interpreters(), complaints=self.complaints),
            "connect": self.connect,
            "choose": self.choose,
            "container_cpus": lambda engine: list(range(engine.cpus)),
            "allowed_cpus": lambda: list(range(self.cpus)),
            "can_pin": lambda: self.pins,
            "why_no_quota": lambda: self.no_quota,
            "quota_as_found": lambda _cpus: self.found_quota,
            "host_os": lambda: self.system,
            "host_arch": lambda: "x86_64",
        }
        for name, value in found.items():
            monkeypatch.setattr(f"lab.planning.survey.{name}", value)
        for name in ("allowed_cpus", "can_pin", "why_no_quota", "quota_as_found", "host_os"):
            monkeypatch.setattr(f"lab.reproduce.replan.{name}", found[name])
        monkeypatch.setattr("lab.running.job.runners_for", self.runners)
        monkeypatch.setattr("lab.pipeline.derive_all", derive_tables)
        return self


def derive_tables(folder: RunFolder, read: RunTables) -> Report:
    """What is judged by: samples.csv and claims.csv. Figures and pages, which take seconds, have their own tests."""
    samples = read.samples.frame()
    csv_files.write(samples, folder.path / "samples.csv", schema.SAMPLES)
    csv_files.write(evaluate(summarize(samples), samples), folder.path / "claims.csv", schema.CLAIMS)
    return cast("Report", None)


def unheard(text: str) -> None:
    """Takes what is told, where a test is not about it."""
    del text


def quiet_console() -> tuple[Console, io.StringIO]:
    """A console that is no terminal, and what is written to it."""
    out = io.StringIO()
    return Console(file=out, width=1000), out


def signals_kept() -> Iterator[None]:
    """A main job takes SIGTERM over; give it back."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)
