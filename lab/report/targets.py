"""The targets of a run, from metadata alone: ids are labels and are never parsed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lab.model import PERIOD_US, Facts, Manifest, TargetRecord
from lab.text import plural


@dataclass(frozen=True, kw_only=True)
class Target:
    """One interpreter under one limit; ``host`` is empty where the report has one machine only."""

    id: str
    engine: str
    os: str
    python: str
    build: str
    cpu_mode: str
    cpus: float | None
    observed: float | None = None
    wine: bool = False
    host: str = ""
    record: TargetRecord | None

    @property
    def facts(self) -> Facts:
        """The facts that were read inside the target; empty where none were recorded."""
        return (self.record and self.record.facts) or Facts()

    @property
    def native(self) -> bool:
        """Whether it runs on the host itself."""
        return self.engine in ("", "none")

    @property
    def version(self) -> str:
        """The full version, with the suffix ``t`` for a free-threaded build."""
        return self.python + ("t" if self.build == "free-threaded" else "")

    @property
    def version_order(self) -> tuple[tuple[int, ...], str]:
        """A sort key that puts 3.9 before 3.13."""
        return version_order(self.version)

    @property
    def place(self) -> str:
        """Container or native, with the system where it is not Linux."""
        where = "native" if self.native else "container"
        if self.record and self.record.diagnose:
            where += f" without {self.record.diagnose}"
        if self.record and self.record.is_baseline:
            where += " before the change"
        if self.wine:
            return "Windows under Wine"
        return where if self.os in ("", "linux") else f"{where} {self.os.capitalize()}"

    @property
    def limit(self) -> str:
        """The CPU limit in words."""
        if self.cpu_mode == "quota":
            period_us = self.facts.period_us or PERIOD_US
            return f"quota of {plural(self.cpus, 'CPU')}" + (
                "" if period_us == PERIOD_US else f", period of {period_us / 1000:g} ms"
            )
        return plural(self.cpus, "CPU") if self.cpus else "no CPU limit"

    @property
    def panel(self) -> str:
        """The title of a panel; the targets of one panel differ only in their Python."""
        return f"{self.place}, {self.limit}" + (f"\non {self.host}" if self.host else "")

    @property
    def label(self) -> str:
        """A description without the machine: ``Python 3.13.0, container, 2 CPUs``."""
        return f"Python {self.version}, {self.place}, {self.limit}"

    @property
    def sentence(self) -> str:
        """The last sentence of a finding."""
        return f"Measured on {self.words}"

    @property
    def words(self) -> str:
        """A description with the id: ``Python 3.13.0 in a container, 2 CPUs (py313-linux-c2).``"""
        where = f"in a {self.place}" if self.place.startswith("container") else self.place
        machine = f" on {self.host}" if self.host else ""
        return f"Python {self.version} {where}, {self.limit}{machine} ({self.id})."

    @property
    def order(self) -> tuple[Any, ...]:
        """A sort key: containers before native, cpusets by size before quotas, old versions first."""
        return (
            self.host,
            self.wine,
            self.native,
            self.os,
            self.cpu_mode == "quota",
            self.cpus or 0.0,
            self.version_order,
            self.id,
        )


def collect(manifest: Manifest, rows: Iterable[Mapping[str, Any]]) -> dict[str, Target]:
    """All targets of the manifest and of the rows, in the order of the report."""
    described = manifest.by_id
    seen: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        identifier = str(row.get("target") or "")
        if identifier and (identifier not in seen or not seen[identifier].get("python")):
            seen[identifier] = row
    several = len({row["host"] for row in seen.values() if row.get("host")}) > 1
    found = [target(name, described.get(name), seen.get(name) or {}, several=several) for name in {**described, **seen}]
    return {item.id: item for item in sorted(found, key=lambda item: item.order)}


def target(identifier: str, record: TargetRecord | None, row: Mapping[str, Any], *, several: bool) -> Target:
    """One target: what was read back inside it takes precedence over what was requested.

    ``several``: whether the report has several machines, so that the target names its own.
    """
    facts = (record and record.facts) or Facts()
    cpus = row.get("cpus_requested") or (record and record.cpus_requested) or row.get("cpus_observed")
    return Target(
        id=identifier,
        engine=str(row.get("engine") or (record and record.engine) or ""),
        os=str(row.get("os") or facts.os or (record and record.os) or ""),
        python=str(row.get("python") or facts.python or "unknown"),
        build=str(row.get("build") or facts.build or (record and record.build) or ""),
        cpu_mode=str(row.get("cpu_mode") or (record and record.cpu_mode) or ""),
        cpus=None if cpus is None else float(cpus),
        observed=row.get("cpus_observed"),
        wine=bool(facts.wine),
        host=str(row.get("host") or "") if several else "",
        record=record,
    )


def version_order(version: str) -> tuple[tuple[int, ...], str]:
    """A sort key for versions, also of pre-releases and of unknown versions."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3]), version


def largest(targets: Iterable[Target]) -> Target | None:
    """The representative target: preferably no quota, in a container, most CPUs, with a GIL, newest Python."""
    return max(
        targets,
        key=lambda item: (
            not item.wine and not (item.record and (item.record.diagnose or item.record.is_baseline)),
            item.cpu_mode != "quota",
            not item.native,
            item.cpus or 0.0,
            item.build != "free-threaded",
            item.version_order,
        ),
        default=None,
    )
