"""Signals, which wake the other side up without a payload."""

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
    """An end that sends SIGUSR1 as a message and SIGUSR2 as the last one; both are blocked, and received by waiting."""

    def __init__(self) -> None:
        self._peer = 0

    def open(self) -> None:
        """Take the parent as the other side, which is right in the child; ``connected`` corrects it in the parent."""
        self._peer = os.getppid()

    def connected(self, pid: int) -> None:
        """Take the child as the other side, in the parent."""
        self._peer = pid

    def calls(self, payload: str) -> Tuple[Send, Receive]:  # noqa: ARG002 - a signal carries no payload
        """``os.kill`` and ``sigwaitinfo``; unlike ``sigwait``, the death of a child interrupts it."""
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


def signal(needs: Needs) -> Ends:  # noqa: ARG001 - all factories share their parameters
    """SIGUSR1 in both directions."""
    if not hasattr(signals, "pthread_sigmask"):
        raise Unsupported("processes cannot wait for signals on this system (no pthread_sigmask, no sigwait)")
    # Blocked before the other side starts, which inherits the mask: an unblocked signal would end it.
    signals.pthread_sigmask(signals.SIG_BLOCK, {signals.SIGUSR1, signals.SIGUSR2})
    return SignalEnd(), SignalEnd()
