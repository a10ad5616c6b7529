"""selfcheck.json: everything that a selfcheck found, as types with one codec; each part defines its own result."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from lab.comparisons.noise import FILE, KIND, VERSION, text_of
from lab.text import replace_text
from lab.validation.selfcheck.accuracy import Accuracy
from lab.validation.selfcheck.alarms import Alarms, FloorRow
from lab.validation.selfcheck.loaded import Loaded
from lab.validation.selfcheck.precision import Precision


class Python(msgspec.Struct, frozen=True, kw_only=True):
    """The interpreter that was measured."""

    key: str
    version: str
    executable: str


class Parts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The results of the parts that have finished."""

    accuracy: Accuracy | None = None
    precision: Precision | None = None
    loaded: Loaded | None = None
    alarms: Alarms | None = None


class Selfcheck(msgspec.Struct, frozen=True, kw_only=True):
    """The content of selfcheck.json."""

    kind: str = KIND
    schema_version: int = VERSION
    lab_version: str
    agent_hash: str
    created: str
    finished: str | None = None
    quick: bool
    seed: int
    command: str
    host: Mapping[str, object]
    python: Python
    pyperf: str
    cpus: int
    load_before: tuple[float, ...] | None
    load_after: tuple[float, ...] | None = None
    seconds: Mapping[str, float] = {}
    parts: Parts = Parts()
    floor: tuple[FloorRow, ...] = ()


def write(folder: Path, content: Selfcheck) -> None:
    """Replace selfcheck.json; NaN becomes null."""
    text = msgspec.json.format(msgspec.json.encode(content, order="sorted"), indent=1).decode()
    replace_text(folder / FILE, text + "\n")


def read(folder: Path) -> Selfcheck:
    """The selfcheck of a folder.

    Raises:
        msgspec.ValidationError: the file is not a selfcheck.
    """
    return msgspec.json.decode(text_of(folder / FILE), type=Selfcheck)
