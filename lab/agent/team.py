"""A team: processes that each wait at a pipe of their own and do their share of a batch when told to.

For what pools do not offer: independent work (what N CPUs really give), writers on one shared value.
"""

from __future__ import annotations

import contextlib
import time

from lab.agent import placement
from lab.agent.case import observe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import BaseContext
    from types import TracebackType
    from typing import Any, Callable, Dict, List, Optional, Tuple, Type

JOIN_S = 10.0


class Team:
    """``share(loops, index, *args)`` runs in each of ``size`` processes at once; a context manager.

    With ``cpus`` the members are bound to one CPU each, in turn; without, the system places them.
    """

    def __init__(
        self,
        context: BaseContext,
        size: int,
        share: Callable[..., None],
        args: Tuple[Any, ...] = (),
        cpus: Optional[List[int]] = None,
    ) -> None:
        self._ends: List[Connection[Any, Any]] = []
        self._members: List[Any] = []
        for index in range(size):
            mine, theirs = context.Pipe()
            own_cpu = [cpus[index % len(cpus)]] if cpus else None
            member = context.Process(target=serve, args=(theirs, share, index, args, own_cpu))  # type: ignore[attr-defined]
            member.start()
            theirs.close()
            self._ends.append(mine)
            self._members.append(member)

    def __enter__(self) -> Team:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        for end in self._ends:
            with contextlib.suppress(OSError):  # a member has died; joining it is all that is left
                end.send(None)
        for member, end in zip(self._members, self._ends):
            member.join(JOIN_S)
            if member.is_alive():
                member.kill()
                member.join()
            end.close()

    def observe(self) -> List[Dict[str, Any]]:
        """What each member says of itself; see ``lab.agent.case.observe``."""
        return [self._ask(end, "observe") for end in self._ends]

    def batch(self, loops: int) -> int:
        """Nanoseconds from the first start signal to the last member's answer, each doing ``loops`` of its share."""
        start = time.perf_counter_ns()
        self.begin(loops)
        self.finish()
        return time.perf_counter_ns() - start

    def begin(self, loops: int) -> None:
        """Tell each member to do ``loops`` of its share."""
        for end in self._ends:
            end.send(loops)

    def finish(self) -> None:
        """Wait until each has done it."""
        for end in self._ends:
            end.recv()

    @property
    def processes(self) -> List[Any]:
        """The members."""
        return self._members

    def pids(self) -> List[int]:
        """Process ids of the members."""
        return [member.pid for member in self._members]

    @staticmethod
    def _ask(end: Connection[Any, Any], question: str) -> Any:
        end.send(question)
        return end.recv()


def serve(
    end: Connection[Any, Any],
    share: Callable[..., None],
    index: int,
    args: Tuple[Any, ...],
    own_cpu: Optional[List[int]],
) -> None:
    """A member's life: do what it is told until None comes."""
    placement.pin(own_cpu)
    while True:
        message = end.recv()
        if message is None:
            return
        if message == "observe":
            end.send(observe())
        else:
            share(message, index, *args)
            end.send(index)
