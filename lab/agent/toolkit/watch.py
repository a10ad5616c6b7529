"""Detection of a dead partner process, which fails the cell at once instead of at its deadline.

The signal SIGCHLD interrupts the main thread while it waits for a message. No code runs before that, so the watch does
not affect measurements. Windows has no such signal: there a cell whose partner dies may run until its deadline.
"""

from __future__ import annotations

import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess
    from types import TracebackType
    from typing import Any, Optional, Sequence, Type


class PartnerDied(RuntimeError):
    """The process at the other side has ended before its answer."""

    def __init__(self, exit_code: object) -> None:
        super().__init__("the process at the other side ended with code %s" % (exit_code,))


class Watch:
    """A context in which the death of any of the processes raises ``PartnerDied`` in the main thread."""

    def __init__(self, processes: Sequence[BaseProcess]) -> None:
        self._processes = processes
        self._before: Any = None

    def __enter__(self) -> None:
        if hasattr(signal, "SIGCHLD"):
            self._before = signal.signal(signal.SIGCHLD, self._look)
            try:
                self._look()  # a process may have died before the handler was set
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
