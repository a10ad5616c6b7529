"""Profiles: how much is measured. The whole of one is in ``profiles.toml``, a scenario's part in its declaration."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Literal

from lab.agent.scenario import Scenario, expand
from lab.errors import UsageError
from lab.planning.limits import WantedLimit, parse_limit

Narrowing = Literal["quota", "repeat"]
WITHOUT_FORK = ("windows",)
FORK = re.compile(r"\bfork\b")
TABLES = ("quota", "repeat", "windows")  # keys of a scenario's table that hold a table for some targets


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a profile measures of a scenario on a target: values by axis, and patterns of case ids (None: all)."""

    values: Mapping[str, Sequence[Any]]
    only: Sequence[str] | None


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One profile.

    ``rounds`` of every cell, up to ``max_rounds`` where ``precision`` (relative half-width) is missing; no round starts
    once ``budget_s`` seconds are used up. ``cpus`` and ``native`` are limits as on the command line.
    ``quota_python``: the versions that also run under the quotas, ``all`` or the ``newest``. ``axes``: the values that
    an axis takes of those that a scenario declares. ``few``: how many values one axis of a scenario takes that says
    nothing of the profile, and all other axes one (0: all of the profile's). ``narrows_repeats``: on targets that
    repeat another, only the scenarios that say so are measured.
    """

    name: str
    rounds: int
    max_rounds: int
    precision: float
    budget_s: float
    python: str
    cpus: tuple[WantedLimit, ...]
    native: tuple[WantedLimit, ...]
    quota_python: str
    axes: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    few: int = 0
    narrows_repeats: bool = False

    def choice(
        self, scenario: Scenario, cpus: int, narrowing: Narrowing | None = None, system: str = "linux"
    ) -> Choice | None:
        """What is measured of the scenario on a target with ``cpus`` CPUs, or None where that is nothing.

        ``narrowing``: the table of the scenario that holds over its others, for what kind of target it is.
        """
        own: Mapping[str, Any] | None = scenario.profiles.get(self.name)
        tables = [own or {}]
        if narrowing == "quota" or (narrowing == "repeat" and self.narrows_repeats):
            if own is None or narrowing not in own:
                return None
            tables.append(own[narrowing])
        values = self._usual(scenario, cpus, system)
        if own is None and self.few:
            values = few_of(
                {axis: expand(values.get(axis, scenario.axes[axis]), cpus) for axis in scenario.axes}, self.few
            )
        only: str | None = None
        for table in tables:
            values |= {axis: _here(chosen, system) for axis, chosen in table.items() if axis in scenario.axes}
            only = table.get("only", only)
        for axis, more in (own or {}).get(system, {}).items():
            if axis in values:  # one that is not named takes all of its values as it is
                values[axis] = [*values[axis], *(value for value in more if value not in values[axis])]
        return Choice(values=values, only=None if only is None else _here(_counted(only, cpus).split(), system))

    def _usual(self, scenario: Scenario, cpus: int, system: str) -> dict[str, list[Any]]:
        """The profile's values of the axes that it names, as far as the scenario declares any of them."""
        found = {}
        for axis, declared in scenario.axes.items():
            offered = expand(declared, cpus)
            usual = [value for value in expand(_here(self.axes.get(axis, ()), system), cpus) if value in offered]
            if usual:
                found[axis] = usual
        return found


def few_of(values: Mapping[str, Sequence[Any]], few: int) -> dict[str, list[Any]]:
    """The first ``few`` values of the first axis that has several, and the first value of every other axis."""
    main = next((axis for axis, mine in values.items() if len(mine) > 1), None)
    return {axis: list(mine[: few if axis == main else 1]) for axis, mine in values.items()}


def _here(values: Sequence[Any], system: str) -> list[Any]:
    """The values or patterns on this system: without fork, spawn stands for it where it is not chosen itself.

    Where both are chosen fork stays, and its cells say that they are unsupported.
    """
    if system not in WITHOUT_FORK or any("spawn" in str(value) for value in values):
        return list(values)
    return [FORK.sub("spawn", value) if isinstance(value, str) else value for value in values]


def _counted(pattern: str, cpus: int) -> str:
    return pattern.replace("{N}", str(cpus)).replace("{2N}", str(2 * cpus))


@functools.cache
def profiles() -> dict[str, Profile]:
    """Every profile by its name, in the order of the file."""
    tables = tomllib.loads(resources.files("lab").joinpath("profiles.toml").read_text("utf-8"))
    return {name: _profile(name, table) for name, table in tables.items()}


def profile(name: str) -> Profile:
    """One profile.

    Raises:
        UsageError: there is none of that name.
    """
    try:
        return profiles()[name]
    except KeyError:
        raise UsageError(f"unknown profile {name!r}; choose one of {', '.join(profiles())}") from None


def _profile(name: str, table: dict[str, Any]) -> Profile:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    limits = {key: tuple(map(parse_limit, table[key])) for key in ("cpus", "native")}
    return Profile(name=name, **{**values, **limits})
