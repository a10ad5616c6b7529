"""Which target of a run an answer is taken from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lab.errors import UsageError
from lab.report.targets import largest

if TYPE_CHECKING:
    from lab.report.targets import Target


def target_for(targets: Iterable[Target], *, python: str | None, cpus: str | None) -> Target:
    """The target with this version and CPU limit (``2``, ``0.5q``); of several the one that stands for the run.

    Raises:
        UsageError: the run has none such; it names those that it has.
    """
    listed = list(targets)
    fitting = [target for target in listed if _has_python(target, python) and _has_cpus(target, cpus)]
    chosen = largest(fitting)
    if chosen is None:
        wish = " and ".join(
            part for part in (f"Python {python}" if python else "", f"{cpus} CPUs" if cpus else "") if part
        )
        there = "; ".join(f"Python {target.version}, {target.panel}" for target in listed) or "none"
        raise UsageError(f"not measured: this run has no target with {wish or 'a measurement'}; it has: {there}")
    return chosen


def _has_python(target: Target, python: str | None) -> bool:
    if python is None:
        return True
    wanted, free = python.removesuffix("t"), python.endswith("t")
    same_build = free == (target.build == "free-threaded")
    return same_build and (target.python == wanted or target.python.startswith(wanted + "."))


def _has_cpus(target: Target, cpus: str | None) -> bool:
    if cpus is None:
        return True
    try:
        number = float(cpus.removesuffix("q"))
    except ValueError:
        raise UsageError(f"{cpus!r} is no CPU limit; write 2 for two CPUs or 0.5q for a quota") from None
    return target.cpus == number and cpus.endswith("q") == (target.cpu_mode == "quota")
