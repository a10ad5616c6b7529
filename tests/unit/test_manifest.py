"""The manifest as a class: nothing that is recorded is lost, older ones are read, damaged ones are refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from lab.errors import BadFiles
from lab.model import TABLES_VERSION, Facts, MachineId, Manifest
from lab.runs.folder import RunFolder, read_manifest
from lab.targets.stage import write_stage
from tests.manifests import manifest, plain

ROOT = Path(__file__).resolve().parents[2]
CAPTURED = [*sorted((ROOT / "tests" / "data").glob("*/manifest.json")), ROOT / "reports" / "sample" / "manifest.json"]
NAMES = [path.parent.name for path in CAPTURED]


def without_defaults(value: Any) -> Any:
    """JSON without what says nothing: null, false and empty containers."""
    if isinstance(value, dict):
        return {name: without_defaults(found) for name, found in value.items() if found not in (None, False, {}, [])}
    return [without_defaults(found) for found in value] if isinstance(value, list) else value


def as_now(text: str) -> Any:
    """The JSON of a manifest of version 1 in the words and with the version of today."""
    renamed = {"undecided": "inconclusive", "beside_one": "intervals_without_1", "cannot_tell": "inconclusive"}
    for old, new in renamed.items():
        text = text.replace(f'"{old}"', f'"{new}"')
    return {**json.loads(text), "schema_version": TABLES_VERSION}


@pytest.mark.parametrize("path", CAPTURED, ids=NAMES)
def test_a_captured_manifest_is_written_as_it_was_read(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    read = Manifest.decode(text, path)
    assert Manifest.decode(read.encode(), path) == read
    assert without_defaults(json.loads(read.encode())) == without_defaults(as_now(text))


def test_the_manifest_of_this_lab_keeps_every_key_of_the_file() -> None:
    """The sample is of the newest lab: what only older or merged runs have or lack plays no part there."""
    text = CAPTURED[-1].read_text(encoding="utf-8")
    assert json.loads(Manifest.decode(text, "sample").encode()) == as_now(text)


def test_a_manifest_of_version_1_is_read_in_the_words_of_today() -> None:
    rates = {"floor": 0.1, "false_alarms": {"comparisons": 9, "false_alarms": 0, "upper_limit": 0.3, "cannot_tell": 4}}
    words = {"holds": "holds", "undecided": "inconclusive"}
    findings = [{"kind": "claim", "target": "t", "subject": "c", "word": word} for word in words]
    origin = {"host": {"label": "two"}, "targets": {}, "selfcheck": rates}
    old = plain(schema_version=1, findings=findings, selfcheck=rates, merged_from=[origin])
    found = Manifest.decode(json.dumps(old), "old")
    assert isinstance(found.findings, tuple)
    assert [finding.word for finding in found.findings] == list(words.values())
    assert found.schema_version == TABLES_VERSION == 2
    assert found.selfcheck
    assert found.selfcheck.false_alarms
    assert found.selfcheck.false_alarms.inconclusive == 4
    assert found.merged_from
    assert found.merged_from[0].selfcheck == found.selfcheck
    with pytest.raises(BadFiles, match="schema version 3 and this lab reads up to 2; use the version"):
        Manifest.decode(json.dumps(plain(schema_version=3)), "new")


def test_what_is_written_is_sorted_and_indented_by_one(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path / "run") as folder:
        folder.write_manifest(manifest(notes=["ü"]))
    text = (tmp_path / "run" / "manifest.json").read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=1, sort_keys=True) + "\n"
    assert read_manifest(tmp_path / "run" / "manifest.json").notes == ("ü",)


def test_what_only_merged_or_reproduced_runs_have_stands_in_no_other_file() -> None:
    written = json.loads(manifest(targets=[{"id": "t"}]).encode())
    assert not written.keys() & {"merged", "merged_from", "raw_targets", "reproduces", "findings"}
    assert not written["targets"][0].keys() & {"host", "plain_id", "agent_hash"}


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        (("targets",), "all", r"at targets: Expected `array`, got `str`"),
        (("targets", 0, "cpus_requested"), "two", r"at targets\[0\].cpus_requested: Expected `float`, got `str`"),
        (("targets", 0, "cpu_mode"), "bound", r"at targets\[0\].cpu_mode: Invalid enum value 'bound'"),
        (("targets", 0, "facts", "affinity"), [0, "1"], r"at targets\[0\].facts.affinity\[1\]: Expected `int`"),
        (("cells", 1, "scenario"), None, r"at cells\[1\].scenario: Expected `str`, got `null`"),
        (("host",), {}, r"at host: Object missing required field `label`"),
        (("options", "shard"), [1], r"at options.shard: "),
        (("seed",), 1.5, r"at seed: "),
        (("run_id",), 7, r"at run_id: "),
    ],
)
def test_a_wrong_value_is_a_bad_file_whose_sentence_says_where(
    path: tuple[str | int, ...], value: object, complaint: str
) -> None:
    content: Any = json.loads((ROOT / "tests" / "data" / "quick-run" / "manifest.json").read_text(encoding="utf-8"))
    inner = content
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    with pytest.raises(BadFiles, match=rf"^here/manifest.json is damaged, {complaint}.*; restore the file") as refusal:
        Manifest.decode(json.dumps(content), "here/manifest.json")
    assert refusal.value.exit_code == 5


@pytest.mark.parametrize("name", ["targets", "cells", "host"])
def test_a_missing_key_is_a_bad_file_that_names_it(name: str) -> None:
    with pytest.raises(BadFiles, match=f"missing required field `{name}`; restore the file"):
        Manifest.decode(json.dumps({key: value for key, value in plain().items() if key != name}), "manifest.json")


def test_a_selfcheck_of_an_older_lab_that_said_its_rounds_as_a_number_is_read() -> None:
    read = manifest(rounds=5).rounds
    assert read is not None
    assert (read.rounds, read.max_rounds) == (5, 5)


def test_facts_that_a_newer_agent_adds_are_written_again_as_they_were() -> None:
    facts = {"python": "3.13.0", "new": {"deep": [1, None]}}
    read = manifest(targets=[{"id": "t", "facts": facts}])
    (record,) = Manifest.decode(read.encode(), "manifest.json").targets
    assert record.facts is not None
    assert record.facts.unknown == {"new": {"deep": [1, None]}}
    assert record.facts.plain().items() >= facts.items()


def test_every_fact_of_the_agent_is_a_field_and_every_field_a_fact(tmp_path: Path) -> None:
    write_stage(tmp_path)
    command = [sys.executable, "-I", str(tmp_path), "--facts"]
    said = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    facts = Facts.from_plain(said)
    assert facts.unknown == {}
    assert said.keys() == set(Facts.__struct_fields__) - {"unknown"}
    assert json.loads(json.dumps(facts.plain())) == said
    assert facts.machine.cpus == said["cpu_count"]


@pytest.mark.parametrize("name", MachineId.__struct_fields__)
def test_a_machine_is_another_one_by_each_thing_that_is_recorded_of_both(name: str) -> None:
    one = MachineId(label="one", os="linux", arch="x86_64", cpu_model="X", cpus=2)
    assert one.differing_fields(one) == ()
    assert one.differing_fields(replace(one, **{name: 4 if name == "cpus" else "other"})) == (name,)
    assert one.differing_fields(replace(one, **{name: None})) == (), "what is not recorded does not differ"


def test_the_host_of_a_target_is_that_of_the_part_it_came_from() -> None:
    parts = [{"host": {"label": name}, "targets": {"t": f"t-{name}"}} for name in ("alpha", "beta")]
    merged = manifest(merged_from=parts, targets=[{"id": "t-beta", "host": "beta"}, {"id": "nobody", "host": None}])
    assert merged.host_of("t-beta").label == "beta"
    assert [merged.host_label(record) for record in merged.targets] == ["beta", None]
    alone = manifest(targets=[{"id": "t"}])
    assert (alone.host_of("t").label, alone.host_label(alone.targets[0])) == ("one", "one")


def test_nothing_of_a_manifest_or_a_plan_can_be_changed_in_place() -> None:
    found = manifest(targets=[{"id": "t"}])
    for record in (found, found.host, found.targets[0], found.targets[0].target):
        with pytest.raises(AttributeError):
            record.run_id = record.label = record.id = "other"  # type: ignore[union-attr,misc]
