"""A channel whose partner, or whose own process, is killed in the middle of a conversation."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from lab.agent.scenario import scenario
from lab.agent.toolkit.channels import MECHANISMS
from lab.agent.toolkit.channels.partner import partner
from lab.agent.toolkit.channels.payloads import message

if TYPE_CHECKING:
    from lab.agent.case import Case
    from lab.agent.toolkit.channels import Receive, Send


def listen(send: Send, receive: Receive, victim: str) -> None:  # noqa: ARG001 - every role has this shape
    receive()
    if victim == "partner":
        time.sleep(0.02)  # so that the other side waits already
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(3600)


@scenario(
    family="probe",
    question="Is anything left when one side is killed?",
    axes={"mechanism": MECHANISMS, "victim": ("partner", "cell")},
    view="",
    source="",
)
def interrupted(case: Case) -> None:
    content = message(case["payload"], case["payload_bytes"])
    with partner(case, listen, case["victim"], content=content) as (send, receive):
        send(content)
        if case["victim"] == "cell":
            os.kill(os.getpid(), signal.SIGKILL)
        receive()
