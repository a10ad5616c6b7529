"""Cases of scenarios, and what answers them as a test has it written down instead of another process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest

from lab.agent.case import Case, VerificationError, observe

Lines = list[dict[str, Any]]


def case_of(lines: Lines | None = None, **values: Any) -> Case:
    target = {"round": 0, "batches": 1, "own_cgroup": False}
    return Case({"values": values, "seed": 0}, target, ([] if lines is None else lines).append)


def frozen(lines: Lines, values: Mapping[str, Any] | None = None, /, **loops: int) -> Case:
    """A case of one batch whose loops are known."""
    target = {"round": 0, "batches": 1, "own_cgroup": False}
    return Case({"values": dict(values or {}), "seed": 0, "loops": loops}, target, lines.append)


def refused(complaint: str, *, when: bool = True) -> AbstractContextManager[object]:
    return pytest.raises(VerificationError, match=complaint) if when else nullcontext()


def worker(**changed: Any) -> dict[str, Any]:
    return {**observe(), "pid": 2**22 + 1, "ppid": os.getpid(), "uncached": [], "lab": False, **changed}


class Scripted:
    """A program, or a team, that answers each call as the test has it written down."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.pid = os.getpid()

    def call(self, function: str, *args: Any) -> Any:
        return self.answers[args[0] if function == "order" else function]


class Program:
    """Stands for ``Bare``: programs that answer each call as the test has it written down, one after the other."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.settings: list[dict[str, Any]] = []

    def __call__(self, *_args: Any, **settings: Any) -> AbstractContextManager[Any]:
        self.settings.append(settings)
        return nullcontext(ScriptedBatches(**self.answers.pop(0)))


class ScriptedBatches(Scripted):
    """The same with batches of one nanosecond an operation."""

    def batch(self, loops: int) -> dict[str, int]:
        return {"start_join": loops, "start": loops, "join": 0}

    def batch_of(self, _function: str) -> Any:
        return lambda loops: loops


def frozen_case(lines: Lines, **values: Any) -> Case:
    loops = dict.fromkeys(("start_join", "first_instruction", "start_ready", "handover"), 2)
    target = {"round": 0, "batches": 1, "own_cgroup": False}
    return Case({"values": {"placement": "free", **values}, "seed": 0, "loops": loops}, target, lines.append)


def operations(lines: Lines) -> set[str]:
    return {line["operation"] for line in lines}
