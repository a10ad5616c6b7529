"""The queues: whatever they carry is pickled."""

from __future__ import annotations

from lab.agent.toolkit.channels import End

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Tuple

    from lab.agent.toolkit.channels import Ends, Needs, Receive, Send


class QueueEnd(End):
    """A queue in each direction."""

    def __init__(self, reader: Any, writer: Any) -> None:
        self.reader = reader
        self.writer = writer

    def calls(self, payload: str) -> Tuple[Send, Receive]:  # noqa: ARG002 - bytes are objects to a queue
        """``put`` and ``get``."""
        return self.writer.put, self.reader.get

    def close(self) -> None:
        """Close both queues and wait for the thread that feeds them, where there is one."""
        for queue in (self.writer, self.reader):
            queue.close()
            if hasattr(queue, "join_thread"):
                queue.join_thread()

    def abandon(self) -> None:
        """What was not yet sent has nobody to go to."""
        for queue in (self.writer, self.reader):
            if hasattr(queue, "cancel_join_thread"):
                queue.cancel_join_thread()
            queue.close()


class JoinableEnd(QueueEnd):
    """Every message is acknowledged by ``task_done``, and ``join`` waits until all that this side sent are."""

    def calls(self, payload: str) -> Tuple[Send, Receive]:  # noqa: ARG002 - a queue pickles whatever it carries
        """``put``; ``get`` with ``task_done`` for it and ``join`` on what this side has put.

        The other side has acknowledged that before it answers, so that ``join`` does not wait here.
        """
        get, done, join = self.reader.get, self.reader.task_done, self.writer.join

        def receive() -> Any:
            message = get()
            done()
            join()
            return message

        return self.writer.put, receive


class ManagedEnd(QueueEnd):
    """Proxies of two queues that live in a process of their own; the parent's side holds that process."""

    def __init__(self, reader: Any, writer: Any, manager: Any = None) -> None:
        super().__init__(reader, writer)
        self._manager = manager

    def close(self) -> None:
        """End the manager's process, if it is ours."""
        if self._manager is not None:
            self._manager.shutdown()
            self._manager = None

    def abandon(self) -> None:
        """The same; proxies have no thread that feeds them."""
        self.close()


def queue(needs: Needs) -> Ends:
    """``Queue``: a pipe with locks, fed by a thread."""
    back, forth = needs.context.Queue(), needs.context.Queue()
    return QueueEnd(back, forth), QueueEnd(forth, back)


def simple_queue(needs: Needs) -> Ends:
    """``SimpleQueue``: a pipe with locks and no thread."""
    back, forth = needs.context.SimpleQueue(), needs.context.SimpleQueue()
    return QueueEnd(back, forth), QueueEnd(forth, back)


def joinable_queue(needs: Needs) -> Ends:
    """``JoinableQueue``: a ``Queue`` that counts unfinished messages."""
    back, forth = needs.context.JoinableQueue(), needs.context.JoinableQueue()
    return JoinableEnd(back, forth), JoinableEnd(forth, back)


def manager_queue(needs: Needs) -> Ends:
    """``Manager().Queue``: a ``queue.Queue`` in a third process, asked over a socket; it runs where the parent does."""
    manager = needs.context.Manager()
    back, forth = manager.Queue(), manager.Queue()
    return ManagedEnd(back, forth, manager), ManagedEnd(forth, back)


class SharedQueue:
    """One queue for any number of processes at both ends; an argument of ``Process``."""

    def __init__(self, mechanism: str, context: Any) -> None:
        self._manager = context.Manager() if mechanism == "manager_queue" else None
        makers = {
            "queue": "Queue",
            "simple_queue": "SimpleQueue",
            "joinable_queue": "JoinableQueue",
            "manager_queue": "Queue",
        }
        self._queue: Any = getattr(self._manager or context, makers[mechanism])()
        self._acknowledges = mechanism == "joinable_queue"

    def __getstate__(self) -> Dict[str, Any]:
        return {**self.__dict__, "_manager": None}

    @property
    def put(self) -> Send:
        """The queue's own."""
        put: Send = self._queue.put
        return put

    def getter(self) -> Receive:
        """``get``, with ``task_done`` where that belongs to it."""
        get: Receive = self._queue.get
        if not self._acknowledges:
            return get
        done = self._queue.task_done

        def receive() -> Any:
            message = get()
            done()
            return message

        return receive

    def close(self) -> None:
        """Close it, in the process that made it."""
        if self._manager is not None:
            self._manager.shutdown()
            return
        if self._acknowledges:
            self._queue.join()
        QueueEnd(self._queue, self._queue).close()

    def abandon(self) -> None:
        """The same where a process has died: wait for nothing."""
        if self._manager is not None:
            self._manager.shutdown()
        else:
            QueueEnd(self._queue, self._queue).abandon()
