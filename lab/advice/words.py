"""Advice in words and as one JSON object."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from lab.report import labels
from lab.stats.best import OPEN
from lab.text import plural

if TYPE_CHECKING:
    from lab.advice.choice import Choice, Option
    from lab.advice.questions import Answer

SHOWN = 5  # options per question; JSON has all


def as_record(answer: Answer) -> dict[str, object]:
    """Return one answer for programs: ``verdict``, ``answer``, ``reason``, and what was measured at each value."""
    main = answer.main
    measured = answer.measured
    return {
        "question": answer.question,
        "verdict": main.verdict,
        "answer": main.best,
        "as_good": list(main.as_good),
        "reason": main.reason,
        "basis": answer.basis,
        "asked": measured.asked if measured else None,
        "nearest": measured.nearest if measured else None,
        "beyond_measured": measured.beyond if measured else False,
        "measured": [
            {
                "at": at,
                "verdict": choice.verdict,
                "answer": choice.best,
                "options": [option_record(option) for option in choice.options],
                "without_time": [asdict(option) for option in choice.lost],
            }
            for at, choice in answer.choices.items()
        ],
    }


def option_record(option: Option) -> dict[str, object]:
    """Return one option for programs: its time with the interval, and its ratio to the fastest."""
    over = option.over_fastest
    return {
        **{name: getattr(option, name) for name in ("name", "estimate_ns", "ci_low_ns", "ci_high_ns", "rounds")},
        **{name: getattr(option, name) for name in ("case", "flag")},
        "over_fastest": over.value if over else None,
        "over_fastest_ci_low": over.low if over else None,
        "over_fastest_ci_high": over.high if over else None,
        "paired_rounds": over.rounds if over else None,
    }


def as_lines(answer: Answer, unit: str) -> list[str]:
    """Return one answer for people; ``unit`` is that of its axis, ``bytes`` or ``ns``."""
    lines = [f"{answer.question}: {verdict_of(answer.main)}", f"    from {answer.basis}"]
    if answer.measured and answer.measured.nearest != answer.measured.asked:
        asked, near = (labels.quantity(value, unit) for value in (answer.measured.asked, answer.measured.nearest))
        where = "beyond what was measured" if answer.measured.beyond else "between two measured values"
        lines.append(f"    {asked} was not measured ({where}); the answer is for {near}, the nearest")
    for at, choice in answer.choices.items():
        if at is not None and len(answer.choices) > 1:
            lines.append(f"    at {labels.quantity(at, unit)}: {verdict_of(choice)}")
        lines += [f"      {option_text(option)}" for option in choice.options[:SHOWN]]
        if len(choice.options) > SHOWN:
            lines.append(f"      and {plural(len(choice.options) - SHOWN, 'slower one')}")
        lines += [f"      {option.words}" for option in choice.lost[:SHOWN]]
        if len(choice.lost) > SHOWN:
            lines.append(f"      and {len(choice.lost) - SHOWN} more without a time")
    return lines


def verdict_of(choice: Choice) -> str:
    """Return the choice as one phrase."""
    if choice.verdict == "answered":
        return str(choice.best)
    if choice.verdict == "not measured":
        return f"not measured: {choice.reason}"
    return f"{OPEN}: {choice.reason}"


def option_text(option: Option) -> str:
    """Return name, time and interval, and how many times as long as the fastest it takes."""
    time, over = labels.quantity(option.estimate_ns, "ns"), option.over_fastest
    times = f"; {labels.number(over.value)} times the first ({labels.interval(over)})" if over else ""
    if option.ci_low_ns is None or option.ci_high_ns is None:
        return f"{option.name}: {time} (no interval){times}"
    low, high = labels.quantity(option.ci_low_ns, "ns"), labels.quantity(option.ci_high_ns, "ns")
    return f"{option.name}: {time} ({low} to {high}){times}"
