"""The queues of multiprocessing, which pickle every message."""

from __future__ import annotations

from lab.agent.toolkit.channels import End

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Tuple

    from lab.agent.toolkit.channels import Ends, Needs, Receive, Send


class QueueEnd(End):
    """An end with one queue per direction."""

    def __init__(self, reader: Any, writer: Any) -> None:
        self.reader = reader
        self.writer = writer

    def calls(self, payload: str) -> Tuple[Send, Receive]:  # noqa: ARG002 - a queue pickles every payload
        """``put`` and ``get``."""
        return self.writer.put, self.reader.get

    def close(self) -> None:
        """Close both queues and wait for their feeder threads, if they have any."""
        for queue in (self.writer, self.reader):
            queue.close()
            if hasattr(queue, "join_thread"):
                queue.join_thread()

    def abandon(self) -> None:
        """Close both queues without waiting for messages that were not sent yet."""
        for queue in (self.writer, self.reader):
            if hasattr(queue, "cancel_join_thread"):
                queue.cancel_join_thread()
            queue.close()


class JoinableEnd(QueueEnd):
    """An end that acknowledges each message by ``task_done``, and waits for its own to be acknowledged by ``join``."""

    def calls(self, payload: str) -> Tuple[Send, Receive]:  # noqa: ARG002 - a queue pickles every payload
        """``put``, and ``get`` followed by ``task_done`` for its message and ``join`` for the messages of this side.

        The other side acknowledges a message before it answers, so ``join`` does not have to wait.
        """
        get, done, join = self.reader.get, self.reader.task_done, self.writer.join

        def receive() -> Any:
            message = get()
            done()
            join()
            return message

        return self.writer.put, receive


class ManagedEnd(QueueEnd):
    """An end with proxies of two queues in a manager's process, which the parent's end owns."""

    def __init__(self, reader: Any, writer: Any, manager: Any = None) -> None:
        super().__init__(reader, writer)
        self._manager = manager

    def close(self) -> None:
        """End the manager's process, if this end owns it."""
        if self._manager is not None:
            self._manager.shutdown()
            self._manager = None

    def abandon(self) -> None:
        """Close as usual, because proxies have no feeder threads to wait for."""
        self.close()


def queue(needs: Needs) -> Ends:
    """``Queue``: a pipe with locks and a feeder thread."""
    back, forth = needs.context.Queue(), needs.context.Queue()
    return QueueEnd(back, forth), QueueEnd(forth, back)


def simple_queue(needs: Needs) -> Ends:
    """``SimpleQueue``: a pipe with locks, without a thread."""
    back, forth = needs.context.SimpleQueue(), needs.context.SimpleQueue()
    return QueueEnd(back, forth), QueueEnd(forth, back)


def joinable_queue(needs: Needs) -> Ends:
    """``JoinableQueue``: a ``Queue`` that counts unfinished messages."""
    back, forth = needs.context.JoinableQueue(), needs.context.JoinableQueue()
    return JoinableEnd(back, forth), JoinableEnd(forth, back)


def manager_queue(needs: Needs) -> Ends:
    """``Manager().Queue``: a ``queue.Queue`` in a third process, reached over a socket, on the parent's CPUs."""
    manager = needs.context.Manager()
    back, forth = manager.Queue(), manager.Queue()
    return ManagedEnd(back, forth, manager), ManagedEnd(forth, back)


class SharedQueue:
    """One queue for any number of processes at both ends, which can be passed as an argument of ``Process``."""

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
        """The queue's own ``put``."""
        put: Send = self._queue.put
        return put

    def getter(self) -> Receive:
        """The queue's ``get``, followed by ``task_done`` if the queue needs it."""
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
        """Close the queue; called in the process that created it."""
        if self._manager is not None:
            self._manager.shutdown()
            return
        if self._acknowledges:
            self._queue.join()
        QueueEnd(self._queue, self._queue).close()

    def abandon(self) -> None:
        """Close the queue without waiting, because a process has died."""
        if self._manager is not None:
            self._manager.shutdown()
        else:
            QueueEnd(self._queue, self._queue).abandon()
