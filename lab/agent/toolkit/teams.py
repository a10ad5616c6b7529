"""Teams of processes or threads whose members wait for an order and then do their share of a batch.

They serve cases that pools do not cover: independent work (the capacity of N CPUs), writers on one shared value, two
sides that hand over to each other.
"""

from __future__ import annotations

import contextlib
import time

from lab.agent.case import observe
from lab.agent.measuring import placement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import BaseContext
    from types import TracebackType
    from typing import Any, Callable, Dict, List, Optional, Tuple, Type

JOIN_S = 10.0


class Team:
    """A context manager for ``size`` processes that run ``share(loops, index, *args)`` at the same time.

    If ``cpus`` are given, each member is bound to one of them, in turn; otherwise the system places them.
    """

    def __init__(
        self,
        context: BaseContext,
        size: int,
        share: Callable[..., None],
        args: Tuple[Any, ...] = (),
        cpus: Optional[List[int]] = None,
    ) -> None:
        # Kept until the end: a spawned member opens a lock by its name, which vanishes with the last reference here.
        self._args = args
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
            with contextlib.suppress(OSError):  # the member has died and only needs to be joined
                end.send(None)
        for member, end in zip(self._members, self._ends):
            member.join(JOIN_S)
            if member.is_alive():
                member.kill()
                member.join()
            end.close()

    def observe(self) -> List[Dict[str, Any]]:
        """Descriptions of the members by themselves; see ``lab.agent.case.observe``."""
        return self.ask_all(introduce)

    def ask(self, member: int, function: Callable[..., Any], *args: Any) -> Any:
        """Result of ``function(*args)`` in one member; without ``args`` it is called with the share's own arguments.

        The function must be defined at module level, so that every start method finds it.
        """
        end = self._ends[member]
        end.send((function, args))
        return end.recv()

    def ask_all(self, function: Callable[..., Any], *args: Any) -> List[Any]:
        """Results of ``function`` in each member, one after the other; see ``ask``."""
        return [self.ask(member, function, *args) for member in range(len(self._ends))]

    def batch(self, loops: int) -> int:
        """Nanoseconds from the first order to the last answer, while each member runs ``loops`` of its share."""
        start = time.perf_counter_ns()
        self.begin(loops)
        self.finish()
        return time.perf_counter_ns() - start

    def begin(self, loops: int) -> None:
        """Order each member to run ``loops`` of its share."""
        for end in self._ends:
            end.send(loops)

    def finish(self) -> None:
        """Wait until each member has finished its share."""
        for end in self._ends:
            end.recv()

    @property
    def processes(self) -> List[Any]:
        """The members' process objects."""
        return self._members

    def pids(self) -> List[int]:
        """Process ids of the members."""
        return [member.pid for member in self._members]


def serve(
    end: Connection[Any, Any],
    share: Callable[..., None],
    index: int,
    args: Tuple[Any, ...],
    own_cpu: Optional[List[int]],
) -> None:
    """Main function of a member: execute orders until None arrives."""
    placement.pin(own_cpu)
    while True:
        message = end.recv()
        if message is None:
            return
        if isinstance(message, int):
            share(message, index, *args)
            end.send(index)
        else:
            function, its_args = message
            end.send(function(*(its_args or args)))


def introduce(*args: Any) -> Dict[str, Any]:  # noqa: ARG001 - called with the share's arguments
    """Describe the member that runs this."""
    return observe()


class ThreadTeam:
    """A team, as ``Team``, of threads of this process."""

    def __init__(
        self, size: int, share: Callable[..., None], args: Tuple[Any, ...] = (), cpus: Optional[List[int]] = None
    ) -> None:
        import queue
        import threading

        self._args = args
        self._words: List[Any] = [queue.SimpleQueue() for _ in range(size)]
        self._answers: Any = queue.SimpleQueue()
        self._threads = []
        for index, words in enumerate(self._words):
            own_cpu = [cpus[index % len(cpus)]] if cpus else None
            thread = threading.Thread(target=self._serve, args=(words, share, index, own_cpu), daemon=True)
            thread.start()
            self._threads.append(thread)

    def __enter__(self) -> ThreadTeam:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        for words in self._words:
            words.put(None)
        for thread in self._threads:
            thread.join(JOIN_S)

    def ask(self, member: int, function: Callable[..., Any], *args: Any) -> Any:
        """See ``Team.ask``."""
        self._words[member].put((function, args))
        return self._answers.get()

    def batch(self, loops: int) -> int:
        """See ``Team.batch``."""
        start = time.perf_counter_ns()
        for words in self._words:
            words.put(loops)
        for _ in self._words:
            self._answers.get()
        return time.perf_counter_ns() - start

    def _serve(self, words: Any, share: Callable[..., None], index: int, own_cpu: Optional[List[int]]) -> None:
        placement.pin_thread(own_cpu)
        while True:
            message = words.get()
            if message is None:
                return
            if isinstance(message, int):
                share(message, index, *self._args)
                self._answers.put(index)
            else:
                function, its_args = message
                self._answers.put(function(*(its_args or self._args)))
