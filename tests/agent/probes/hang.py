"""Hangs for ever, with processes, semaphores, a shared segment and temporary files of its own."""

from __future__ import annotations

import multiprocessing
import signal
import tempfile
import time
from multiprocessing.shared_memory import SharedMemory
from typing import TYPE_CHECKING

from lab.agent.scenario import scenario

if TYPE_CHECKING:
    from lab.agent.case import Case


def sleep_for_ever(signals: str) -> None:
    if signals == "ignored":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(3600)


@scenario(family="probe", question="Is a cell that hangs ended?", axes={"signals": ("heard",)}, view="", source="")
def hang(case: Case) -> None:
    if case["signals"] == "heard":
        spawn = multiprocessing.get_context("spawn")
        held = [SharedMemory(create=True, size=4096), spawn.Queue(), spawn.Lock(), spawn.Pool(1), spawn.Manager()]
        print(held)
    tempfile.mkstemp()
    fork = multiprocessing.get_context("fork")
    for _ in range(2):
        fork.Process(target=sleep_for_ever, args=(case["signals"],)).start()
    sleep_for_ever(case["signals"])
