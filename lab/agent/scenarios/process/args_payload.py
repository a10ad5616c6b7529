"""Start and join of a process with a payload as its argument."""

from __future__ import annotations

from lab.agent.measuring import placement
from lab.agent.scenario import Contrast, View, scenario
from lab.agent.scenarios.process.start_by_parent_size import on_one_cpu
from lab.agent.toolkit.bare import Bare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lab.agent.case import Case

# Steps of two around 64 KiB, the capacity of a pipe: a spawning parent writes the argument into a pipe, which the child
# reads only after its start (cpython#96953).
PAYLOAD_BYTES = (
    1024, 4096, 16_384, 32_768, 65_536, 131_072, 262_144, 1_048_576, 4_194_304, 16_777_216,
)  # fmt: skip


@scenario(
    family="process",
    question="What does starting a process cost as its arguments grow?",
    axes={
        "start_method": ("fork", "forkserver", "spawn"),
        "payload_bytes": PAYLOAD_BYTES,
        "placement": ("same_cpu",),
    },
    view=View(
        "lines",
        measure="Time until start(), and until join(), has returned, of a process that only receives its argument.",
        unit="per process",
        operations=("start", "start_join"),
        x="payload_bytes",
        names=("start_method",),
        facets=("operation",),
        words={"start": "start()", "start_join": "start() and join()"},
        place=21,
    ),
    source="multiprocessing.Process(args=…)",
    article="1 Process, args",
    shape=on_one_cpu,
    natural=lambda axis, _values: "same_cpu" if axis == "placement" else None,
    contrasts=(Contrast("payload_bytes", "placement", operations=("start_join",)),),
    estimate_s=0.6,
    profiles={
        "smoke": {"start_method": ["spawn"], "payload_bytes": [131_072]},
        "quick": {"start_method": ["spawn"], "payload_bytes": [131_072]},
        "standard": {
            "start_method": ["forkserver", "spawn"],
            "payload_bytes": [1024, 16_384, 65_536, 131_072, 1_048_576, 16_777_216],
        },
    },
)
def args_payload(case: Case) -> None:
    """``start``: until start() has returned; ``start_join``: until join() has returned.

    With spawn and a payload above 64 KiB, start() waits until the child has started and reads. A forked child shares
    the arguments without a copy.
    """
    case.context()
    size = case["payload_bytes"]
    placement.pin(case.sides()[0])
    with Bare("process_start", start_method=case["start_method"], payload_bytes=size) as main:
        case.verify(main.call("delivered") == [size, True], "the payload did not reach the child unchanged")
    with Bare("process_start", start_method=case["start_method"], payload_bytes=size) as main:  # see process.start
        case.measure("start_join", main.batch, least_warm_up=1)
