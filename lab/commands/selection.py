"""The options that select what is planned; ``run`` and ``plan`` share them."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lab.errors import UsageError

if TYPE_CHECKING:
    from lab.planning.plan import Options

MOST_PERCENT = 1000
VERSION = re.compile(r"\d+\.\d+t?")
PREFIX = re.compile(r"[\w.-]+(:\d+)?(/[\w.-]+)*/?")
Command = Callable[..., Any]


def apply(command: Command, *options: Callable[[Command], Command]) -> Command:
    """Add the options to the command; its help lists them in this order."""
    for option in reversed(options):
        command = option(command)
    return command


def selection_options(command: Command) -> Command:
    """Add the options that most users of ``run`` and ``plan`` need, the most common first."""
    return apply(
        command,
        click.option(
            "--profile",
            default="quick",
            show_default=True,
            metavar="NAME",
            help="How much is measured: smoke, quick, standard or full.",
        ),
        click.option(
            "--scenario", "scenarios", multiple=True, metavar="GLOB", help="Only scenarios or cell ids that match."
        ),
        click.option(
            "--python", "pythons", multiple=True, metavar="VERSION", help="A version, 3.13 or 3.13t; repeatable."
        ),
        click.option(
            "--cpus",
            metavar="LIST",
            help="CPU limits: 1,2 pins (cpuset), 0.5q is a quota, 0.5q10 a quota with a period of 10 ms.",
        ),
        click.option(
            "--question",
            "questions",
            multiple=True,
            metavar="NAME",
            help="Only what answers this: workers, ipc, start, versions, model, state or claims; repeatable.",
        ),
        click.option(
            "--budget", metavar="TIME", help="The time of all rounds, which decides what is measured: 90s, 2h."
        ),
        click.option("--rounds", type=click.IntRange(min=1), metavar="N", help="Rounds, whatever the budget promises."),
        click.option(
            "--out",
            type=click.Path(path_type=Path, file_okay=False),
            help="The run folder; default reports/runs/<run-id>.",
        ),
        click.option("--target", "targets", multiple=True, metavar="GLOB", help="Only targets whose id matches."),
        click.option(
            "--engine",
            type=click.Choice(["auto", "docker", "podman", "none"]),
            default="auto",
            show_default=True,
            help="The container engine; none measures natively only.",
        ),
        click.option(
            "--context",
            "contexts",
            multiple=True,
            metavar="NAME",
            help="The engine of this Docker context, instead of the current one.",
        ),
        click.option(
            "--images",
            type=click.Choice(["auto", "registry", "host", "wine"]),
            default="auto",
            show_default=True,
            help="Where images come from: the registry, or packed from the interpreters on this host.",
        ),
        click.option(
            "--image", "given", multiple=True, metavar="VERSION=REF", help="Your own base image for a version."
        ),
        click.option("--registry", metavar="PREFIX", envvar="LAB_REGISTRY", help="Mirror for the official images."),
        click.option(
            "--fetch", is_flag=True, help="Install versions of --python that are missing, by uv python install."
        ),
        click.option("--shard", metavar="I/N", help="Only this part of the plan, I from 1 to N."),
        click.option("--seed", type=int, default=0, show_default=True, help="Seed of every random order."),
        click.option(
            "--before",
            multiple=True,
            metavar="FOLDER|VERSION=REF",
            help="Also measure each target before a change, in the same rounds: another checkout of the lab, or image.",
        ),
    )


def testing_options(command: Command) -> Command:
    """Add the options for diagnosing a target and for testing the lab; they come last in the help."""
    return apply(
        command,
        click.option(
            "--diagnose",
            type=click.Choice(["seccomp"]),
            multiple=True,
            help="Also measure the largest pinned container without this, to see what it costs.",
        ),
        click.option(
            "--inject-slowdown",
            type=float,
            default=0.0,
            metavar="PERCENT",
            help="Slow every batch by this much, to test the lab itself; the report says so.",
        ),
    )


def options(*, quiet: bool, cpus: str | None, given: tuple[str, ...], **chosen: Any) -> Options:
    """Parse the command line into ``Options``, before the machine is probed.

    Raises:
        UsageError: the value of an option is invalid.
    """
    from lab.planning import baseline
    from lab.planning.contrasts import check_questions
    from lab.planning.limits import parse_limits
    from lab.planning.plan import Options
    from lab.planning.profiles import profile
    from lab.planning.selection import parse_shard
    from lab.planning.survey import Wanted, refuse_contradictions
    from lab.text import parse_duration_s

    if len(chosen.get("contexts", ())) > 1:
        raise UsageError(
            f"--context is given {len(chosen['contexts'])} times, and a plan is for one engine; give it once"
        )
    wanted = Wanted(
        engine=chosen["engine"],
        context=next(iter(chosen.get("contexts", ())), None),
        images=chosen["images"],
        user_images=dict(map(_version_and_reference, given)),
        registry=_prefix(chosen["registry"]),
        pythons=tuple(map(_python, chosen["pythons"])),
        diagnose=tuple(dict.fromkeys(chosen["diagnose"])),
        baseline=baseline.parse_baseline(chosen["before"]),
        cpus=() if cpus is None else parse_limits(cpus),
        assume_cpus=chosen.get("assume_cpus"),
        fetch=chosen["fetch"],
    )
    if wanted.fetch and not wanted.pythons:
        raise UsageError("--fetch installs the versions of --python, and none is named; add for example --python 3.14t")
    refuse_contradictions(wanted)
    return Options(
        profile=profile(chosen["profile"]).name,
        wanted=wanted,
        questions=check_questions(chosen["questions"]),
        rounds=chosen["rounds"],
        targets=chosen["targets"],
        scenarios=chosen["scenarios"],
        shard=parse_shard(chosen["shard"]) if chosen["shard"] else None,
        seed=chosen["seed"],
        budget_s=parse_duration_s(chosen["budget"]) if chosen["budget"] else None,
        out=chosen["out"],
        slowdown_percent=_percent(chosen["inject_slowdown"]),
        quiet=quiet,
        command="python -m lab " + shlex.join(sys.argv[1:]),
    )


def _python(text: str) -> str:
    if not VERSION.fullmatch(text):
        raise UsageError(f"--python {text} is not a version; write 3.13, or 3.13t for a free-threaded build")
    return text


def _prefix(text: str | None) -> str | None:
    if text and not PREFIX.fullmatch(text):
        raise UsageError(
            f"--registry {text} is not HOST[:PORT][/PATH]; write it without https://, as in mirror.example/library"
        )
    return text


def _percent(number: float) -> float:
    if not 0 <= number <= MOST_PERCENT:  # also true for NaN
        raise UsageError(f"--inject-slowdown {number:g} is out of range; write a percentage from 0 to {MOST_PERCENT}")
    return number


def _version_and_reference(text: str) -> tuple[str, str]:
    version, equals, reference = text.partition("=")
    if not (VERSION.fullmatch(version) and equals and reference):
        raise UsageError(f"--image {text} is not VERSION=REF; write for example --image 3.15=python:3.15-rc-slim")
    return version, reference
