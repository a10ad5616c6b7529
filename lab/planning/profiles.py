"""Profiles, which determine how much is measured.

``profiles.toml`` has what holds for all scenarios; a scenario's declaration has what holds for it alone.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib import resources
from typing import Any, Literal

import msgspec

from lab.agent.scenario import Scenario, expand
from lab.errors import BadFiles, UsageError
from lab.planning.limits import WantedLimit, parse_limit

Narrowing = Literal["quota", "repeat"]
WITHOUT_FORK = ("windows",)
FORK = re.compile(r"\bfork\b")
TABLES = ("quota", "repeat", "windows")  # keys of a scenario's profile that hold a table for one kind of target


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a profile measures of a scenario on a target: values per axis, and patterns of case ids (None: all)."""

    values: Mapping[str, Sequence[Any]]
    only: Sequence[str] | None


@dataclass(frozen=True, kw_only=True)
class Profile:
    """How many rounds a run has, on which targets, and with which axis values.

    Attributes:
        name: as ``--profile`` takes it.
        rounds: the rounds of every cell.
        max_rounds: the limit for cells that have not reached ``precision`` after ``rounds``.
        precision: the relative half-width of an interval at which a cell needs no more rounds.
        budget_s: seconds that all rounds may take; see ``lab.planning.budget``.
        question_s: seconds for each question of ``--question``, as far as its rounds do not need more.
        processes: the most processes per round of the cells that answers and claims need.
        python: the versions, ``all`` or the oldest and newest (``ends``).
        cpus: limits of containers, and of native targets where no engine is used.
        native: limits of native targets beside containers.
        claims: the versions on which claims are judged that do not compare versions, ``all`` or ``newest``.
        quota_python: the versions that also run under the quotas, ``all`` or ``newest``.
        axes: axis -> values that it takes, as far as a scenario declares them.
        few: for scenarios that do not mention the profile, how many values their first axis with several values takes;
            every other axis takes one. 0: all values of the profile.
        narrows_repeats: whether targets that repeat another one get only the scenarios that declare so.
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
    question_s: float = 0.0
    processes: int = 1
    axes: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    few: int = 0
    narrows_repeats: bool = False
    claims: str = "all"

    def choice(
        self, scenario: Scenario, cpus: int, narrowing: Narrowing | None = None, system: str = "linux"
    ) -> Choice | None:
        """What is measured of the scenario on a target; None where nothing is.

        Args:
            scenario: the declaration.
            cpus: how many CPUs the target has in sight.
            narrowing: the kind of target whose table overrides the others.
            system: the target's operating system.
        """
        own: Mapping[str, Any] | None = scenario.profiles.get(self.name)
        tables = [own or {}]
        if narrowing == "quota" or (narrowing == "repeat" and self.narrows_repeats):
            if own is None or narrowing not in own:
                return None
            tables.append(own[narrowing])
        values = self._usual(scenario, cpus, system)
        if own is None and self.few:
            values = first_values(
                {axis: expand(values.get(axis, scenario.axes[axis]), cpus) for axis in scenario.axes}, self.few
            )
        only: str | None = None
        for table in tables:
            values |= {axis: _system_values(chosen, system) for axis, chosen in table.items() if axis in scenario.axes}
            only = table.get("only", only)
        for axis, more in (own or {}).get(system, {}).items():
            if axis in values:  # an axis that is not named takes all of its values anyway
                values[axis] = [*values[axis], *(value for value in more if value not in values[axis])]
        return Choice(
            values=values, only=None if only is None else _system_values(_with_counts(only, cpus).split(), system)
        )

    def _usual(self, scenario: Scenario, cpus: int, system: str) -> dict[str, list[Any]]:
        """Axis -> the profile's values that the scenario declares; axes without any have no entry."""
        found = {}
        for axis, declared in scenario.axes.items():
            offered = expand(declared, cpus)
            usual = [
                value for value in expand(_system_values(self.axes.get(axis, ()), system), cpus) if value in offered
            ]
            if usual:
                found[axis] = usual
        return found


def first_values(values: Mapping[str, Sequence[Any]], few: int) -> dict[str, list[Any]]:
    """The first ``few`` values of the first axis that has several, and the first value of every other axis."""
    main = next((axis for axis, mine in values.items() if len(mine) > 1), None)
    return {axis: list(mine[: few if axis == main else 1]) for axis, mine in values.items()}


def _system_values(values: Sequence[Any], system: str) -> list[Any]:
    """The values or patterns for a system: on one without fork, spawn replaces it unless spawn is chosen as well.

    Where both are chosen, fork stays, and its cells are reported as unsupported.
    """
    if system not in WITHOUT_FORK or any("spawn" in str(value) for value in values):
        return list(values)
    return [FORK.sub("spawn", value) if isinstance(value, str) else value for value in values]


def _with_counts(pattern: str, cpus: int) -> str:
    """The patterns with ``{N}`` and ``{2N}`` replaced by the CPU count and twice of it."""
    return pattern.replace("{N}", str(cpus)).replace("{2N}", str(2 * cpus))


@functools.cache
def profiles() -> dict[str, Profile]:
    """Every profile by its name, in the order of ``profiles.toml``."""
    return parse_profiles(resources.files("lab").joinpath("profiles.toml").read_bytes(), "lab/profiles.toml")


def parse_profiles(content: bytes, name: object) -> dict[str, Profile]:
    """Every profile in the content of the TOML file ``name``, in its order.

    Raises:
        BadFiles: the content is not TOML, or a key is unknown, missing or has a value that it cannot have.
    """
    try:
        tables = tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadFiles(f"{name} is not TOML ({error}); correct it") from None
    found = {}
    for key, table in tables.items():
        try:
            found[key] = _profile(key, table)
        except (msgspec.ValidationError, UsageError) as error:
            raise BadFiles(f"{name} has a profile {key!r} that cannot be used ({error}); correct it") from None
    return found


def profile(name: str) -> Profile:
    """The profile of a name.

    Raises:
        UsageError: no profile has that name.
    """
    try:
        return profiles()[name]
    except KeyError:
        raise UsageError(f"unknown profile {name!r}; choose one of {', '.join(profiles())}") from None


def _profile(name: str, table: object) -> Profile:
    """The profile of a table.

    Raises:
        UsageError: a limit is not one.
        msgspec.ValidationError: another value is not one.
    """
    values = msgspec.convert(table, dict[str, Any])
    unknown = values.keys() - {each.name for each in fields(Profile)} | values.keys() & {"name"}
    if unknown:
        raise msgspec.ValidationError(f"unknown key {min(unknown)!r}")
    limits = {
        key: tuple(map(parse_limit, msgspec.convert(values[key], list[str])))
        for key in ("cpus", "native")
        if key in values
    }
    return msgspec.convert({"name": name} | values | limits, Profile, from_attributes=True)
