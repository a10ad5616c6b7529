"""The objects that ``--json`` prints, one class per command, from which the JSON Schemas in schemas/ are made."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from lab.model import WallSplit
from lab.tables import schema

SCHEMAS = Path(__file__).parent / "schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
TYPES = {"string": str, "float64": float, "Int64": int}  # pandas dtype -> type of a value that is not null

Value = str | int | float | bool | None


class Object(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a command prints; a field that its class does not have is a mistake of the lab."""


class ListedScenario(Object):
    """A scenario's declaration; ``view`` is its first figure."""

    name: str
    family: str
    question: str
    axes: Mapping[str, Sequence[Value]]
    source: str
    article: str
    requires: str
    unsupported: str
    view: str


class Listed(Object):
    """``list``: every scenario."""

    scenarios: Sequence[ListedScenario]


class PlannedCell(Object):
    """A cell that would be measured, with the values of its axes and its rank from 1."""

    id: str
    target: str
    scenario: str
    case: str
    values: Mapping[str, Value]
    rank: int


class SkippedCell(Object):
    """A cell that the budget leaves out, and why."""

    id: str
    reason: str


class Rank(Object):
    """What one rank of a plan takes."""

    rank: int
    name: str
    cells: int
    rounds: int
    processes: int
    minutes: float
    skipped: int


class Plan(Object):
    """``plan``: the cells, what is left out, and what each rank takes."""

    cells: Sequence[PlannedCell]
    targets: Sequence[str]
    unplanned: Mapping[str, Mapping[str, Sequence[Value]]]
    skipped: Sequence[SkippedCell]
    ranks: Sequence[Rank]


class Answer(Object):
    """One finding of a report in words, and the name of the figure that shows it."""

    text: str
    figure: str | None


class Measured(Object):
    """``run``, ``report``, ``merge`` and ``import``: the run folder, its page, its answers and its failed cells.

    ``missing_figures`` maps the figures that could not be drawn to the reason. ``seconds`` is of ``run`` alone.
    """

    folder: str
    page: str
    answers: Sequence[Answer]
    failed: Sequence[str]
    missing_figures: Mapping[str, str]
    seconds: WallSplit | None = None


class ComparedDifference(Object):
    """What differs between BASE and NEW; ``pair`` is null where all pairs of targets have it."""

    pair: str | None
    name: str
    base: str
    new: str
    kind: str


ComparedRow = msgspec.defstruct(
    "ComparedRow",
    [(column.name, TYPES[column.dtype] | None) for column in schema.COMPARE],
    bases=(Object,),
    namespace={"__doc__": "A row of compare.csv; its columns are explained in reports/README.md."},
    module=__name__,
    kw_only=True,
    forbid_unknown_fields=True,
)


class Compared(Object):
    """``compare``: one row per cell and metric, and what differs besides."""

    base: str
    new: str
    threshold: float
    floor: float | None
    rates: str
    caveats: Sequence[str]
    differences: Sequence[ComparedDifference]
    rows: Sequence[ComparedRow]  # type: ignore[valid-type]  # made from the columns above


class Coefficient(Object):
    """A coefficient with its 95% interval; null where the data support none."""

    value: float | None
    ci_low: float | None
    ci_high: float | None


class Fitted(Object):
    """``fit``: the scaling law."""

    model: str | None
    sigma: Coefficient
    kappa: Coefficient
    rate: Coefficient = msgspec.field(name="lambda")
    serial_fraction: Coefficient
    peak_workers: float | None
    plateau: float | None
    reason: str
    r2: float | None
    largest_workers_measured: int | None


class AdvisedOption(Object):
    """One option of an answer: its time, and its ratio to the fastest."""

    name: str
    estimate_ns: float
    ci_low_ns: float | None
    ci_high_ns: float | None
    rounds: int
    case: str
    flag: str
    over_fastest: float | None
    over_fastest_ci_low: float | None
    over_fastest_ci_high: float | None
    paired_rounds: int | None


class AdvisedChoice(Object):
    """The options at one measured value."""

    at: Value
    verdict: str
    answer: Value
    options: Sequence[AdvisedOption]
    without_time: Sequence[Mapping[str, Value]]


class Advice(Object):
    """The answer to one question."""

    question: str
    verdict: str
    answer: Value
    as_good: Sequence[Value]
    reason: str
    basis: str
    asked: Value
    nearest: Value
    beyond_measured: bool
    measured: Sequence[AdvisedChoice]


class Advised(Object):
    """``advise``: recommendations for one target of a run."""

    run: str
    target: str
    answers: Sequence[Advice]


class Exported(Object):
    """``export``: the file that was written."""

    file: str
    format: str


class ReproducedDifference(Object):
    """What differs between the run and this machine."""

    name: str
    theirs: str
    ours: str
    kind: str


class Judged(Object):
    """A row of reproduce.csv."""

    kind: str
    target: str
    finding: str
    verdict: str
    theirs: str | float
    theirs_ci_low: float | None
    theirs_ci_high: float | None
    ours: str | float
    ours_ci_low: float | None
    ours_ci_high: float | None
    reason: str


class Reproduction(Object):
    """``reproduce``: which findings were reproduced."""

    folder: str
    margin: float
    counts: Mapping[str, int]
    differences: Sequence[ReproducedDifference]
    skipped: Mapping[str, str]
    rows: Sequence[Judged]


class Check(Object):
    """One check of ``doctor``; ``help`` is empty where nothing needs to be done."""

    check: str
    state: Literal["ok", "harms", "could not find out"]
    seen: str
    help: str


class Examined(Object):
    """``doctor``: every check."""

    checks: Sequence[Check]


class Cleaned(Object):
    """``clean``: what was removed and what was kept, one sentence each."""

    done: Sequence[str]


class Image(Object):
    """An image of the lab."""

    reference: str
    python: str
    source: str
    size_bytes: int
    created: str
    base_digest: str


class Images(Object):
    """``images``: the images that the lab has built."""

    images: Sequence[Image]


class Benched(Object):
    """``bench``: what each part costs; reports/sample/bench explains the parts."""

    created: str
    command: str
    host: Mapping[str, object]
    load_before: Sequence[float]
    planning: Mapping[str, object]
    packing: Mapping[str, object]
    container_start: Mapping[str, object]
    runs: Sequence[Mapping[str, object]]
    deriving: Sequence[Mapping[str, object]]
    growth: Sequence[Mapping[str, float]]
    goal: Mapping[str, object]


def print_object(found: object, kind: type[Object]) -> None:
    """Print an object as the only content of standard output.

    Args:
        found: the object, as dicts and lists; not-a-number becomes null.
        kind: its class, which it must match: the published schema is made from it.
    """
    plain = msgspec.json.decode(msgspec.json.encode(found))
    msgspec.convert(plain, kind)
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(plain), indent=1).decode() + "\n")


class TunedTarget(Object):
    """``tune``'s answer on one target: a sentence, the lines to paste, and the options of the final phase."""

    target: str
    answer: str
    code: str
    recommended: Mapping[str, object]
    options: Sequence[Mapping[str, object]]
    stopped: Mapping[str, str]
    pays_off_from_items: Mapping[str, float | None] | None
    costs: Sequence[str]
    causes: Sequence[Mapping[str, str]]
    quota: Sequence[str]
    kubernetes: str
    notes: Sequence[str]
    items: Mapping[str, int]
    rounds: int
    spent_s: float


class Tuned(Object):
    """``tune``: the answer on each target, the targets that could not be measured with the reason, and the page."""

    function: str
    targets: Sequence[TunedTarget]
    failed: Mapping[str, str]
    page: str


def kinds() -> dict[str, Any]:
    """Command -> class of the object that it prints."""
    from lab.validation.selfcheck.results import Selfcheck

    return {
        "list": Listed,
        "plan": Plan,
        "run": Measured,
        "tune": Tuned,
        "report": Measured,
        "compare": Compared,
        "fit": Fitted,
        "advise": Advised,
        "merge": Measured,
        "reproduce": Reproduction,
        "import": Measured,
        "export": Exported,
        "doctor": Examined,
        "selfcheck": Selfcheck,
        "bench": Benched,
        "images": Images,
        "clean": Cleaned,
    }


def schemas() -> dict[str, str]:
    """File name -> text of the JSON Schema of a command's object."""
    found = {}
    for name, kind in kinds().items():
        schema_of = msgspec.json.schema(kind, schema_hook=_any_value)
        about = {"$schema": DIALECT, "title": f"python -m lab {name} --json", **schema_of}
        found[f"{name}.json"] = msgspec.json.format(msgspec.json.encode(about), indent=1).decode() + "\n"
    return found


def _any_value(kind: type) -> dict[str, Any]:
    """The schema of a field that may hold any value."""
    if kind is not object:
        raise NotImplementedError
    return {"description": "any value"}


def regenerate_schemas(*, check: bool) -> list[Path]:
    """Write the schemas that differ from their class and return their paths; with ``check`` write nothing."""
    stale = [
        SCHEMAS / name
        for name, text in schemas().items()
        if not (SCHEMAS / name).is_file() or (SCHEMAS / name).read_text(encoding="utf-8") != text
    ]
    for path in () if check else stale:
        path.write_text(schemas()[path.name], encoding="utf-8", newline="\n")
    return stale
