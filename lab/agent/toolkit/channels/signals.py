"""Signals: they say that something has happened, and carry nothing."""

from __future__ import annotations

import os
import signal as signals

from lab.agent.case import Unsupported
from lab.agent.toolkit.channels import STOP, End
from lab.agent.toolkit.channels.payloads import TOKEN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Tuple

    from lab.agent.toolkit.channels import Ends, Needs, Receive, Send


class SignalEnd(End):
    """SIGUSR1 is a message, SIGUSR2 the last one; both are blocked and waited for, so that none is lost or handled."""

    def __init__(self) -> None:
        self._peer = 0

    def open(self) -> None:
        """The child's other side is its parent; the parent is told in ``met``."""
        self._peer = os.getppid()

    def met(self, pid: int) -> None:
        """The parent's other side is its child."""
        self._peer = pid

    def calls(self, payload: str) -> Tuple[Send, Receive]:  # noqa: ARG002 - there is none
        """``os.kill`` and ``sigwaitinfo``, which a child's death interrupts, unlike ``sigwait``."""
        kill, peer = os.kill, self._peer
        usual, last = int(signals.SIGUSR1), int(signals.SIGUSR2)
        both = frozenset({usual, last})

        def send(message: bytes) -> None:
            kill(peer, usual if message else last)

        if hasattr(signals, "sigwaitinfo"):
            wait = signals.sigwaitinfo

            def receive() -> Any:
                return TOKEN if wait(both).si_signo == usual else STOP

            return send, receive

        def receive_without_details() -> Any:  # macOS
            return TOKEN if signals.sigwait(both) == usual else STOP

        return send, receive_without_details


def signal(needs: Needs) -> Ends:  # noqa: ARG001 - the factories have one shape
    """SIGUSR1 to and fro."""
    if not hasattr(signals, "pthread_sigmask"):
        raise Unsupported("this system has no signals between processes that can be waited for (no sigwait)")
    # Before the other side is started, which inherits it: a signal that came earlier would end it.
    signals.pthread_sigmask(signals.SIG_BLOCK, {signals.SIGUSR1, signals.SIGUSR2})
    return SignalEnd(), SignalEnd()
