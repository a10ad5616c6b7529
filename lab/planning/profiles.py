"""Profiles: how much is measured, as data (``profiles.toml``)."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import resources
from typing import Any, Literal, get_args

from lab.errors import UsageError

Chosen = dict[str, list[Any]]
Narrowing = Literal["quota", "repeat"]
SPAWN_ONLY = ("windows",)
FORK = re.compile(r"\bfork\b")


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One profile.

    ``rounds`` of every cell, up to ``max_rounds`` where ``precision`` (relative half-width) is missing; no round starts
    once ``budget_s`` seconds are used up. ``cpus`` and ``native`` are limits as on the command line.
    ``quota_python``: the versions that also run under the quotas, ``all`` or the ``newest``.
    """

    name: str
    rounds: int
    max_rounds: int
    precision: float
    budget_s: float
    python: str
    cpus: tuple[str, ...]
    native: tuple[str, ...]
    quota_python: str
    choices: Mapping[str, Any]

    def layers(self, narrowing: Narrowing | None, system: str) -> list[Mapping[str, Any]]:
        """The choices that hold for a target, each over those before it."""
        layers = [self.choices, self.choices.get(narrowing, {})] if narrowing else [self.choices]
        return [spawned(layer) for layer in layers] if system in SPAWN_ONLY else layers

    def chosen(
        self, scenario: str, axes: Mapping[str, Any], narrowing: Narrowing | None = None, system: str = "linux"
    ) -> Chosen | None:
        """The values that each axis of a scenario takes, or None where the profile leaves the scenario out.

        ``narrowing``: the table that holds in addition, for what kind of target it is.
        """
        found: Chosen = {}
        for layer in self.layers(narrowing, system):
            own = layer.get("scenario", {}).get(scenario, {})
            patterns = layer.get("scenarios", ["*"])
            if own.get("skip") or not any(fnmatchcase(scenario, pattern) for pattern in patterns):
                return None
            for source in (layer.get("axes", {}), own):
                found |= {axis: list(values) for axis, values in source.items() if axis in axes}
        for axis, values in self.choices.get(system, {}).get("scenario", {}).get(scenario, {}).items():
            if axis in found:  # one that is not named takes all of its values as it is
                found[axis] += [value for value in values if value not in found[axis]]
        return found

    def only(
        self, scenario: str, cpus: int, narrowing: Narrowing | None = None, system: str = "linux"
    ) -> list[str] | None:
        """The patterns of the cases that the profile takes of a scenario on ``cpus`` CPUs; None where it takes all."""
        patterns: list[str] | None = None
        for layer in self.layers(narrowing, system):
            patterns = layer.get("scenario", {}).get(scenario, {}).get("only", patterns)
        if patterns is None:
            return None
        return [text.replace("{N}", str(cpus)).replace("{2N}", str(2 * cpus)) for text in patterns]


def spawned(choices: Any) -> Any:  # noqa: ANN401 - tables, lists and values of TOML
    """The choices for a system without fork: where fork is chosen and spawn is not, spawn stands for it.

    Where both are chosen fork stays, and its cells say that they are unsupported.
    """
    if isinstance(choices, Mapping):
        return {name: spawned(value) for name, value in choices.items()}
    if isinstance(choices, list) and not any("spawn" in str(value) for value in choices):
        return [FORK.sub("spawn", value) if isinstance(value, str) else value for value in choices]
    return choices


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
    return Profile(
        name=name,
        rounds=table["rounds"],
        max_rounds=table["max_rounds"],
        precision=table["precision"],
        budget_s=table["budget_s"],
        python=table["python"],
        cpus=tuple(table["cpus"]),
        native=tuple(table["native"]),
        quota_python=table["quota_python"],
        choices={key: table[key] for key in ("axes", "scenario", *get_args(Narrowing), *SPAWN_ONLY) if key in table},
    )
