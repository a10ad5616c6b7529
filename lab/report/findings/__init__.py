"""The answers in words, each with its interval, the most important first.

The first three are what a run prints at its end: what a pool gains, what a quota costs (or, where no quota was
measured, what starting a process costs), what a message costs. A finding names its Python, its limit and its target;
placements that the scheduler chose are never compared between targets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.report.findings import allocator, messages, pools, processes
from lab.report.findings.finding import Finding
from lab.report.labels import no_interval

if TYPE_CHECKING:
    from lab.report.data import RunData

ONE_ROUND = no_interval(1)

__all__ = ["Finding", "findings"]


def findings(data: RunData) -> list[Finding]:
    """Return all findings of the run, ranked; none where nothing was measured."""
    second = pools.quota(data)
    start = processes.start_methods(data)
    ranked = [
        pools.scaling(data),
        second or start,
        messages.fastest_and_slowest(data),
        start if second else None,
        pools.releasing(data),
        pools.oversubscription(data),
        pools.calls(data),
        processes.lost_updates(data),
        pools.overflow(data),
        messages.named_pipes(data),
        allocator.allocator(data),
    ]
    found = [finding for finding in ranked if finding is not None]
    return [with_intervals(finding) if data.rounds > 1 else without_intervals(finding) for finding in found]


def with_intervals(finding: Finding) -> Finding:
    """Add once what the brackets hold, since a finding may be quoted alone."""
    if finding.counted:
        return finding
    return Finding(f"{finding.text} In brackets: 95% intervals.", finding.figure)


def without_intervals(finding: Finding) -> Finding:
    """Say once that one round has no interval, and not in every bracket."""
    text = finding.text.replace(f" ({ONE_ROUND})", "").replace(f"({ONE_ROUND}; ", "(")
    return Finding(f"{text} {ONE_ROUND.capitalize()}: this decides nothing.", finding.figure)
