"""Which target is held against which, and what may not be compared at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.comparisons.differences import Difference, differences
from lab.comparisons.noise import MACHINE
from lab.comparisons.sides import Run, Side
from lab.errors import BadFiles, UsageError


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One target of a run beside one target of the same or of another run."""

    base: Run
    new: Run
    base_target: str
    new_target: str

    @property
    def label(self) -> str:
        """The id where both have the same, else both."""
        same = self.base_target == self.new_target
        return self.new_target if same else f"{self.base_target}..{self.new_target}"

    @property
    def interleaved(self) -> bool:
        """Whether round k of both was measured together: in one session, also where a folder holds merged ones."""
        if self.base.id != self.new.id:
            return False
        one, other = (
            run.of(target)[["scenario", "case", "run_id"]].drop_duplicates()
            for run, target in ((self.base, self.base_target), (self.new, self.new_target))
        )
        both = one.merge(other, on=["scenario", "case"])
        return bool((both["run_id_x"] == both["run_id_y"]).all())

    @property
    def disturbed(self) -> dict[tuple[str, str], str]:
        """(scenario, case) -> which side was disturbed, and by what."""
        told: dict[tuple[str, str], str] = {}
        for side, run, target in (("base", self.base, self.base_target), ("new", self.new, self.new_target)):
            for cell, words in run.causes(target).items():
                told[cell] = "; ".join(filter(None, (told.get(cell), f"{side}, {words}")))
        return told

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What differs in provenance, what matters first."""
        return differences(
            self.base.manifest, self.new.manifest, base_target=self.base_target, new_target=self.new_target
        )


def pairs(base: Side, new: Side) -> tuple[Pair, ...]:
    """The pairs that two sides make: the targets named, or those that both runs have.

    Raises:
        UsageError: there is no pair, or both sides are the same.
        BadFiles: the two may not be compared.
    """
    named = [(target, target) for target in base.run.targets if target in new.run.targets]
    if base.target or new.target:
        named = [(base.target or str(new.target), new.target or str(base.target))]
    for side, target in zip((base, new), named[0] if named else ("", ""), strict=True):
        if target and target not in side.run.targets:
            raise UsageError(f"{side.label} has no target {target!r}; its targets are {', '.join(side.run.targets)}")
    if base.run.id == new.run.id and all(one == other for one, other in named):
        raise UsageError(
            f"BASE and NEW are the same; name two targets of the run as RUN@TARGET, out of {', '.join(new.run.targets)}"
        )
    if not named:
        raise UsageError(
            "the runs have no target in common; name one of each as RUN@TARGET: "
            f"{', '.join(base.run.targets)} of BASE, {', '.join(new.run.targets)} of NEW"
        )
    found = tuple(Pair(base=base.run, new=new.run, base_target=one, new_target=other) for one, other in named)
    for pair in found:
        check(pair)
    return found


def check(pair: Pair) -> None:
    """Refuse what may not be compared.

    Raises:
        BadFiles: other agents measured, or other machines; the sentence names what differs.
    """
    agents = [
        run.targets[target].get("agent_hash") or run.manifest.get("agent_hash")
        for run, target in ((pair.base, pair.base_target), (pair.new, pair.new_target))
    ]
    if agents[0] != agents[1] and pair.base.id != pair.new.id:  # within a run two agents are what is compared
        raise BadFiles(
            f"BASE and NEW were measured by different agents ({agents[0]} and {agents[1]}), so a difference may be the "
            "lab's own; measure both with one version of the lab"
        )
    hosts = [host(pair.base, pair.base_target), host(pair.new, pair.new_target)]
    differing = [name for name in MACHINE if hosts[0].get(name) != hosts[1].get(name)]
    if differing:
        told = "; ".join(f"{name}: {hosts[0].get(name)} and {hosts[1].get(name)}" for name in differing)
        raise BadFiles(
            f"BASE and NEW were measured on two machines ({told}), whose times are not compared; measure both on one, "
            "or name two targets of one machine"
        )
    wine = [is_wine(pair.base.targets[pair.base_target]), is_wine(pair.new.targets[pair.new_target])]
    systems = [pair.base.targets[pair.base_target].get("os"), pair.new.targets[pair.new_target].get("os")]
    if wine[0] != wine[1] and systems == ["windows", "windows"]:
        raise BadFiles(
            "one side is Windows under Wine, whose times are not held against those of Windows; name two of one kind"
        )


def host(run: Run, target: str) -> Mapping[str, Any]:
    """The machine that a target ran on: that of the run it came from where runs were merged, else the run's."""
    for origin in run.manifest.get("merged_from") or ():
        if target in (origin.get("targets") or {}).values():
            return origin.get("host") or {}
    return run.manifest.get("host") or {}


def selfcheck(run: Run, target: str) -> Mapping[str, Any] | None:
    """What the run that a target came from kept of its machine's selfcheck."""
    kept: Mapping[str, Any] | None = run.manifest.get("selfcheck")
    for origin in run.manifest.get("merged_from") or ():
        if target in (origin.get("targets") or {}).values():
            kept = origin.get("selfcheck")
    return kept


def is_wine(entry: Mapping[str, Any]) -> bool:
    """Whether the target is Windows under Wine."""
    return bool((entry.get("facts") or {}).get("wine"))


def shared_differences(found: Sequence[Pair]) -> list[tuple[str, Difference]]:
    """Every difference with the pair that has it; with no name where all pairs have it; what matters first."""
    by_pair = {pair.label: pair.differences for pair in found}
    every = dict.fromkeys(difference for told in by_pair.values() for difference in told)
    rows = []
    for difference in every:
        having = [label for label, told in by_pair.items() if difference in told]
        rows += [("", difference)] if len(having) == len(by_pair) else [(label, difference) for label in having]
    return sorted(rows, key=lambda row: not row[1].matters)
