"""What the terminal shows of a selfcheck at its end."""

from __future__ import annotations

from typing import Any

from lab.counts import plural


def verdict_lines(content: dict[str, Any]) -> list[str]:
    """What the terminal shows at the end: one line a goal."""
    parts = content["parts"]
    lines = []
    if "accuracy" in parts:
        for placement, counts in parts["accuracy"]["counts"].items():
            told = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
            lines.append(f"accuracy, {placement}: {told}")
        lines.append(f"what the agent's loop adds: {parts['accuracy']['null_loop']['verdict']}")
    if "precision" in parts:
        overall = parts["precision"]["overall"]
        ratio = f"{overall['ratio']:.2f} of pyperf's, " if overall["ratio"] is not None else ""
        lines.append(f"precision for the time: {ratio}{overall['verdict']}")
    if "loaded" in parts:
        lines.append(_loaded_line(parts["loaded"]))
    if "alarms" in parts:
        alarm = parts["alarms"]["false_alarms"]
        lines.append(f"false alarms: {alarm['false_alarms']} of {alarm['comparisons']}, {alarm['verdict']}")
        lines += [
            f"changes of {row['slowed_percent']:g} % found: {row['found']} of {row['precise_cells']}, {row['verdict']}"
            for row in parts["alarms"]["found_changes"]
            if "verdict" in row
        ]
    return lines


def _loaded_line(part: dict[str, Any]) -> str:
    """What came of the machine that was loaded on purpose."""
    told = [
        f"{mine['named']} of {plural(mine['cells'], 'cell')} named in the {half} half"
        for half, mine in part["halves"].items()
    ]
    contradicted = plural(part["contradictions"], "verdict")
    return f"loaded on purpose: {', '.join(told)}, {contradicted} contradicted, {part['verdict']}"
