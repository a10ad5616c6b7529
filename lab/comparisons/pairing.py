"""Which target is compared with which, and which comparisons are refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lab.comparisons.differences import Difference, differences
from lab.comparisons.sides import Run, Side
from lab.errors import BadFiles, UsageError
from lab.model import MachineId, Rates


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One target of a run and one target of the same or of another run."""

    base: Run
    new: Run
    base_target: str
    new_target: str

    @property
    def label(self) -> str:
        """The targets' id where both have the same, else both ids."""
        same = self.base_target == self.new_target
        return self.new_target if same else f"{self.base_target}..{self.new_target}"

    @property
    def interleaved(self) -> bool:
        """Whether round k of both was measured together, in one session; a merged folder holds several."""
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
        found: dict[tuple[str, str], str] = {}
        for side, run, target in (("base", self.base, self.base_target), ("new", self.new, self.new_target)):
            for cell, words in run.causes(target).items():
                found[cell] = "; ".join(filter(None, (found.get(cell), f"{side}, {words}")))
        return found

    @property
    def differences(self) -> tuple[Difference, ...]:
        """The differences in provenance, those that matter first."""
        return differences(
            self.base.manifest, self.new.manifest, base_target=self.base_target, new_target=self.new_target
        )


def pairs(base: Side, new: Side) -> tuple[Pair, ...]:
    """Return the pairs of two sides: of the named targets, or of those that both runs have.

    Raises:
        UsageError: the runs have no pair, or both sides are the same.
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
    """Refuse a pair that may not be compared.

    Raises:
        BadFiles: the agents or the machines differ; the message names how.
    """
    agents = [
        run.targets[target].agent_hash or run.manifest.agent_hash
        for run, target in ((pair.base, pair.base_target), (pair.new, pair.new_target))
    ]
    if agents[0] != agents[1] and pair.base.id != pair.new.id:  # within a run two agents are what is compared
        raise BadFiles(
            f"BASE and NEW were measured by different agents ({agents[0]} and {agents[1]}), so a difference may be the "
            "lab's own; measure both with one version of the lab"
        )
    one, other = machine(pair.base, pair.base_target), machine(pair.new, pair.new_target)
    if differing := one.differing_fields(other):
        differences = "; ".join(f"{name}: {getattr(one, name)} and {getattr(other, name)}" for name in differing)
        raise BadFiles(
            f"BASE and NEW were measured on two machines ({differences}), whose times are not compared; measure both "
            "on one, or name two targets of one machine"
        )
    base, new = pair.base.targets[pair.base_target], pair.new.targets[pair.new_target]
    if base.is_wine != new.is_wine and (base.os, new.os) == ("windows", "windows"):
        raise BadFiles(
            "one side is Windows under Wine, whose times are not compared with those of Windows; name two of one kind"
        )


def machine(run: Run, target: str) -> MachineId:
    """The machine that a target ran on: that of the run it came from where runs were merged, else the run's."""
    return run.manifest.host_of(target).machine


def selfcheck(run: Run, target: str) -> Rates | None:
    """What the run that a target came from kept of its machine's selfcheck."""
    part = run.manifest.origin(target)
    return part.selfcheck if part else run.manifest.selfcheck


def shared_differences(compared: Sequence[Pair]) -> list[tuple[str, Difference]]:
    """Return every difference with the pair that has it, or without a name where all do; those that matter first."""
    by_pair = {pair.label: pair.differences for pair in compared}
    every = dict.fromkeys(difference for found in by_pair.values() for difference in found)
    rows = []
    for difference in every:
        having = [label for label, found in by_pair.items() if difference in found]
        rows += [("", difference)] if len(having) == len(by_pair) else [(label, difference) for label in having]
    return sorted(rows, key=lambda row: not row[1].matters)
