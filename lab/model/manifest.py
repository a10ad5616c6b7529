"""The manifest of a run: its plan, its targets, the lab and machine that carried it out, and its outcome.

``manifest.json`` holds these fields with sorted keys; a field whose JSON key differs from its name declares the key.
Fields that only some runs have (merged, reproduced, selfcheck) are ``UNSET`` in the others and left out of the file.
Fields that an older lab did not record have their default.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType, field
from msgspec.structs import asdict, replace

from lab.errors import BadFiles
from lab.model.facts import Facts, gather_unknown, spread_unknown
from lab.model.machine import EngineRecord, Host
from lab.model.planned import PERIOD_US, Cell, CpuMode, Limit, Target, TargetFields, is_quota
from lab.model.results import RENAMED_RATES, Finding, Rates

TABLES_VERSION = 2
READABLE_VERSIONS = (1, TABLES_VERSION)  # version 1 had two other words for "inconclusive"

ImagesChoice = Literal["auto", "registry", "host", "wine"]
AT = re.compile(r"(?P<what>.*) - at `\$\.?(?P<path>.*)`")


class ImageRecord(Struct, frozen=True, kw_only=True):
    """The image of a target's containers."""

    reference: str | None = None
    image_id: str | None = None
    source: str | None = None
    base_reference: str | None = None
    base_digest: str | None = None
    size_bytes: int | None = None


class RunWith(Struct, frozen=True, kw_only=True):
    """What a runner runs a target with: an image, or an interpreter's path (the home folder written as ``~``)."""

    image: ImageRecord | None = None
    executable: str | None = None


class TargetRecord(TargetFields, frozen=True, kw_only=True):
    """A target, its image or executable (set when images are ready) and its facts (set when it has answered).

    ``as_found`` is set for a quota as found, ``agent_hash`` in runs with two agents. In a merged run ``plain_id`` is
    the target's id in its own run, and ``host`` the label of its machine; None where no part measured the target.
    """

    build: str
    cpu_mode: CpuMode
    cpus_requested: float
    period_us: int | None = None
    as_found: bool | UnsetType = UNSET
    facts: Facts | None = None
    image: ImageRecord | None = None
    executable: str | None = None
    agent_hash: str | UnsetType = UNSET
    plain_id: str | UnsetType = UNSET
    host: str | UnsetType | None = UNSET

    @classmethod
    def from_target(cls, target: Target, facts: Facts | None = None) -> TargetRecord:
        """The record of a planned target."""
        return cls(
            **{name: getattr(target, name) for name in TargetFields.__struct_fields__},
            build=target.build,
            cpu_mode=target.limit.mode,
            cpus_requested=target.limit.cpus,
            period_us=target.limit.period_us if target.limit.is_quota else None,
            as_found=target.limit.as_found or UNSET,
            facts=facts,
        )

    @property
    def target(self) -> Target:
        """The planned target."""
        return Target(
            **{name: getattr(self, name) for name in TargetFields.__struct_fields__},
            limit=Limit(
                mode=self.cpu_mode,
                cpus=self.cpus_requested,
                period_us=self.period_us or PERIOD_US,
                as_found=self.as_found is True,
            ),
        )

    @property
    def is_quota(self) -> bool:
        """Whether the target's limit is a share of CPU time."""
        return is_quota(self.cpu_mode)

    @property
    def is_native(self) -> bool:
        """Whether the target runs on the host, without a container."""
        return self.engine in ("none", "")

    @property
    def is_wine(self) -> bool:
        """Whether the target is Windows under Wine."""
        return bool(self.facts and self.facts.wine)

    @property
    def unmerged_id(self) -> str:
        """The target's id in the run that measured it."""
        return self.plain_id or self.id


class CellRecord(Cell, frozen=True, kw_only=True):
    """A planned cell with its id.

    ``shard`` is set for cells of another shard. ``missing`` is the reason why the budget does not carry the cell, or in
    a merged run why no part has it. In a merged run ``run_id`` is the run that measured the cell.
    """

    id: str
    shard: int | UnsetType = UNSET
    run_id: str | UnsetType = UNSET
    missing: str | UnsetType = UNSET

    @classmethod
    def from_cell(cls, cell: Cell, *, shard: int | UnsetType = UNSET) -> CellRecord:
        """The record of a planned cell."""
        return cls(id=cell.id, shard=shard, **asdict(cell))

    @property
    def cell(self) -> Cell:
        """The planned cell."""
        return Cell(**{name: getattr(self, name) for name in Cell.__struct_fields__})


class RoundsRecord(Struct, frozen=True, kw_only=True):
    """The planned rounds; cells that do not reach the relative half-width ``precision`` get up to ``max_rounds``."""

    rounds: int
    max_rounds: int
    precision: float


class RunOptions(Struct, frozen=True, kw_only=True):
    """The options that ``--resume`` and ``reproduce`` need beyond the plan.

    ``user_images`` maps Python versions to image references (``--image``), ``baseline`` holds the arguments of
    ``--before``, ``shard`` is (2, 3) for 2/3, ``pythons`` the versions of ``--python``, ``questions`` those of
    ``--question``, ``context`` the Docker context of ``--context``.
    """

    images: ImagesChoice = "auto"
    user_images: Mapping[str, str] = field(default_factory=dict, name="given")
    registry: str | None = None
    baseline: tuple[str, ...] = field(default=(), name="before")
    shard: tuple[int, int] | None = None
    pythons: tuple[str, ...] | UnsetType = UNSET
    questions: tuple[str, ...] | UnsetType = UNSET
    context: str | UnsetType = UNSET


class OtherShards(Struct, frozen=True, kw_only=True):
    """The targets and cells of a plan's other shards, so that a merge can name what is missing."""

    targets: tuple[TargetRecord, ...]
    cells: tuple[CellRecord, ...]


class WallSplit(Struct, frozen=True, kw_only=True):
    """The wall time of a run and its shares, in seconds.

    ``warmup_parts_s`` has the parts of ``warmup_s`` by name: start, verification, calibration, warmup_batch, untimed,
    reading, memory. It is missing in runs of older versions.
    """

    wall_s: float = 0.0
    timed_s: float = 0.0
    warmup_s: float = 0.0
    warmup_parts_s: Mapping[str, float] | UnsetType = UNSET
    interpreter_s: float = 0.0
    container_s: float = 0.0
    host_s: float = 0.0


class Reproduced(Struct, frozen=True, kw_only=True):
    """The run that a run reproduces.

    ``targets`` maps its targets to those of the reproduction, ``skipped`` maps the others to the reason.
    """

    run_id: str
    host: str
    targets: Mapping[str, str]
    skipped: Mapping[str, str]


class RawRecord(Struct, frozen=True, kw_only=True):
    """A raw file as it was when its round had ended; ``sha256`` is in hexadecimal digits."""

    lines: int
    bytes: int
    sha256: str


class MergedRun(Struct, frozen=True, kw_only=True):
    """A part of a merged run. ``targets`` and ``raw`` map its target ids and raw files to those of the merged run."""

    run_id: str
    created: str | None
    finished: str | None
    profile: str | None
    seed: int | None
    command: str | None
    host: Host
    selfcheck: Rates | None = None
    engine: EngineRecord | None = None
    plan_hash: str | None = None
    notes: tuple[str, ...] = ()
    shard: tuple[int, int] | None = None
    raw: Mapping[str, str] = {}
    targets: Mapping[str, str] = {}


class Manifest(Struct, frozen=True, kw_only=True):
    """The manifest of one run.

    Times are ISO 8601 in UTC. ``raw_files`` maps the names of raw files whose round has ended to what they held then.
    ``processes`` maps units of the plan to their processes per round. ``loops`` maps cell ->
    operation -> loops per batch. ``elsewhere`` has the cells of other shards.
    """

    schema_version: int
    run_id: str
    host: Host
    targets: tuple[TargetRecord, ...]
    cells: tuple[CellRecord, ...]
    lab_version: str | None = None
    created: str | None = None
    finished: str | None = None
    seed: int | None = None
    profile: str | None = None
    rounds: RoundsRecord | None = None
    rounds_done: int | None = None
    budget_s: float | None = None
    command: str | None = None
    inject_slowdown_percent: float | None = None
    agent_hash: str | None = None
    options: RunOptions = RunOptions()
    selfcheck: Rates | None = None
    engine: EngineRecord | None = None
    plan_hash: str | None = None
    elsewhere: OtherShards | None = None
    notes: tuple[str, ...] = ()
    raw_files: Mapping[str, RawRecord] | UnsetType = UNSET
    processes: Mapping[str, int] | UnsetType = UNSET
    loops: Mapping[str, Mapping[str, int]] = {}
    split: WallSplit | None = None
    unfinished_attempts: int | None = None
    findings: tuple[Finding, ...] | UnsetType = UNSET
    reproduces: Reproduced | UnsetType = UNSET
    merged: str | UnsetType = UNSET
    merged_from: tuple[MergedRun, ...] | UnsetType = UNSET
    raw_targets: Mapping[str, str] | UnsetType = UNSET
    slowdowns_percent: Mapping[str, float] | UnsetType = UNSET
    loaded_on_purpose: tuple[str, ...] | UnsetType = UNSET

    @property
    def by_id(self) -> dict[str, TargetRecord]:
        """Target id -> its record."""
        return {record.id: record for record in self.targets}

    def origin(self, target: str) -> MergedRun | None:
        """The part of a merged run that measured a target; None where the run itself did."""
        return next((part for part in self.merged_from or () if target in part.targets.values()), None)

    def host_of(self, target: str) -> Host:
        """The machine that measured a target."""
        part = self.origin(target)
        return part.host if part else self.host

    def host_label(self, record: TargetRecord) -> str | None:
        """The label of the machine that measured a target; None where no part of a merged run did."""
        return self.host.label if record.host is UNSET else record.host

    def with_facts(self, facts: Mapping[str, Mapping[str, object]]) -> Manifest:
        """The manifest with the facts of its targets set. ``facts`` maps target ids to the agent's JSON."""
        known = {target: Facts.from_plain(record) for target, record in facts.items()}
        return replace(self, targets=tuple(replace(each, facts=known.get(each.id)) for each in self.targets))

    @classmethod
    def from_plain(cls, content: Mapping[str, Any]) -> Manifest:
        """Read a manifest of this or an older lab from its parsed JSON.

        Raises:
            msgspec.ValidationError: a key is missing or a value has the wrong type; the error has the path to it.
        """
        return msgspec.convert(_with_facts(content, gather_unknown), cls)

    @classmethod
    def decode(cls, text: bytes | str, name: object) -> Manifest:
        """Decode a manifest from the text of the file ``name``.

        Raises:
            BadFiles: the text is not a manifest of the lab, has another version, or is damaged; the message says where.
        """
        try:
            found = _encodable(json.loads(text))
        except (ValueError, RecursionError) as error:
            raise BadFiles(f"{name} is not JSON ({error}); restore the file or name another run") from None
        if not isinstance(found, dict) or "run_id" not in found:
            raise BadFiles(f"{name} is not a manifest of the lab; name a folder below reports/runs")
        if found.get("schema_version") not in READABLE_VERSIONS:
            raise BadFiles(
                f"{name} has schema version {found.get('schema_version')!r} and this lab reads up to {TABLES_VERSION}; "
                "use the version of the lab that wrote it"
            )
        try:
            return cls.from_plain(_with_current_words(found))
        except (msgspec.ValidationError, RecursionError) as error:
            raise BadFiles(f"{name} is damaged, {_where(error)}; restore the file or remove the run") from None

    def encode(self) -> str:
        """The text of ``manifest.json``."""
        plain = _with_facts(msgspec.to_builtins(self), spread_unknown)
        return json.dumps(plain, indent=1, sort_keys=True) + "\n"


def _encodable(found: object) -> object:
    """The JSON value with U+FFFD for what no encoding has: half a character, as of a file name in no known encoding."""
    try:
        msgspec.json.encode(found)
    except UnicodeEncodeError:
        return json.loads(
            json.dumps(found, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        )
    return found


def _with_facts(content: Mapping[str, Any], change: Callable[[dict[str, object]], dict[str, object]]) -> dict[str, Any]:
    """The JSON of a manifest with ``change`` applied to the facts of each target.

    An integer as ``rounds``, from a selfcheck of an older lab, is expanded.
    """
    found = dict(content)
    if isinstance(found.get("rounds"), int):
        found["rounds"] = {"rounds": found["rounds"], "max_rounds": found["rounds"], "precision": 0.0}
    targets = found.get("targets")
    if isinstance(targets, list | tuple):
        found["targets"] = [
            {**target, "facts": change(target["facts"])}
            if isinstance(target, dict) and isinstance(target.get("facts"), dict)
            else target
            for target in targets
        ]
    return found


def _with_current_words(content: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON of a manifest of any readable version, as the current version words it."""
    found = {**content, "schema_version": TABLES_VERSION}
    if isinstance(findings := found.get("findings"), list):
        found["findings"] = [
            {**finding, "word": "inconclusive"}
            if isinstance(finding, dict) and finding.get("word") == "undecided"  # word-ok: of version 1
            else finding
            for finding in findings
        ]
    if isinstance(origins := found.get("merged_from"), list):
        found["merged_from"] = [
            _with_current_rates(origin) if isinstance(origin, dict) else origin for origin in origins
        ]
    return _with_current_rates(found)


def _with_current_rates(content: dict[str, Any]) -> dict[str, Any]:
    """The JSON of a run with the current keys in the false alarms of its selfcheck, where it has one."""
    rates = content.get("selfcheck")
    alarms = rates.get("false_alarms") if isinstance(rates, dict) else None
    if not (isinstance(rates, dict) and isinstance(alarms, dict)):
        return content
    renamed = {RENAMED_RATES.get(name, name): value for name, value in alarms.items()}
    return {**content, "selfcheck": {**rates, "false_alarms": renamed}}


def _where(error: Exception) -> str:
    """The error with its path first: ``at targets[0].facts.affinity: Expected `array`, got `str```."""
    found = AT.fullmatch(str(error))
    return f"at {found['path']}: {found['what']}" if found else str(error)
