"""Notices at once that a process has died for whose message this one waits, and makes that the cell's failure.

The system's signal about a child's death interrupts whatever the main thread waits in; nothing runs before that, so
that nothing takes part in what is measured. Windows has no such signal: there a cell whose partner dies ends at the
latest with its deadline.
"""

from __future__ import annotations

import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess
    from types import TracebackType
    from typing import Any, Optional, Sequence, Type


class PartnerDied(RuntimeError):
    """A process that should have answered has ended."""

    def __init__(self, exit_code: object) -> None:
        super().__init__("the process at the other side ended with code %s" % (exit_code,))


class Watch:
    """While entered, the death of any of the processes raises ``PartnerDied`` in the main thread."""

    def __init__(self, processes: Sequence[BaseProcess]) -> None:
        self._processes = processes
        self._before: Any = None

    def __enter__(self) -> None:
        if hasattr(signal, "SIGCHLD"):
            self._before = signal.signal(signal.SIGCHLD, self._look)
            try:
                self._look()  # it may have died before anybody listened
            except PartnerDied:
                signal.signal(signal.SIGCHLD, self._before)
                raise

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if hasattr(signal, "SIGCHLD"):
            signal.signal(signal.SIGCHLD, self._before)

    def _look(self, *_: object) -> None:
        for process in self._processes:
            if process.exitcode is not None:
                raise PartnerDied(process.exitcode)
