"""What is compared of two manifests: every field with its kind, the words of each value, and what all targets share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from lab.comparisons.differences import NOT_RECORDED, Difference, Kind, differences
from lab.model import Manifest
from tests.manifests import manifest

# Kind -> what differs; behind a star what no number depends on.
OF_RUN = {
    "agent": "agent_hash schema_version *lab_version",
    "machine": "host.label host.cpus engine.version",
    "plan": "profile *seed *budget_s inject_slowdown_percent *rounds_done",
    "time": "*created",
}
OF_TARGET = {
    "machine": (
        "engine facts.os facts.arch facts.wine facts.kernel facts.cpu_model facts.cpu_count facts.cgroup_version "
        "facts.clock facts.clock_source facts.frequency.governor facts.mitigations.spectre facts.memory_limit_bytes "
        "facts.seccomp facts.speculation_store_bypass"
    ),
    "agent": "agent_hash",
    "image": (
        "image.source image.base_reference image.base_digest *image.image_id executable facts.implementation "
        "facts.python facts.build facts.gil_enabled facts.build_class.pgo facts.build_class.jit facts.jit.enabled "
        "facts.compiler facts.configure facts.libc facts.default_start_method facts.flags.optimize facts.gc_enabled"
    ),
    "plan": "cpu_mode cpus_requested period_us cpus_visible diagnose",
}


# Two values -> the paths that hold such; all others hold any text.
VALUES: dict[tuple[object, object], str] = {
    (1, 2): (
        "schema_version host.cpus seed budget_s inject_slowdown_percent rounds_done facts.cpu_count "
        "facts.cgroup_version facts.memory_limit_bytes facts.flags.optimize cpus_requested period_us cpus_visible"
    ),
    (False, True): (
        "facts.wine facts.gil_enabled facts.build_class.pgo facts.build_class.jit facts.jit.enabled facts.gc_enabled"
    ),
    ("cpuset", "quota"): "cpu_mode",
    ("seccomp", None): "diagnose",
}


def paths(table: Mapping[str, str]) -> list[tuple[str, str, bool]]:
    """Path, kind, and whether it matters."""
    return [(path.lstrip("*"), kind, path[0] != "*") for kind, row in table.items() for path in row.split()]


def at(path: str, value: object) -> dict[str, Any]:
    """An object with this value at a path, and what an object there has in any case."""
    name, _, below = path.partition(".")
    always = {"host": {"label": "one"}, "engine": {"name": "docker"}}.get(name, {}) if below else {}
    return {name: {**always, **at(below, value)} if below else value}


def both_at(path: str) -> tuple[dict[str, Any], dict[str, Any], str, str]:
    """Two objects with two values at a path, and the words of either."""
    one, other = next((values for values, having in VALUES.items() if path in having.split()), ("x", "y"))
    return at(path, one), at(path, other), words(one), words(other)


def words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return NOT_RECORDED if value is None else str(value)


def with_targets(**entries: Mapping[str, Any]) -> Manifest:
    return manifest(targets=targets(**entries))


def targets(**entries: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"id": name, **entry} for name, entry in entries.items()]


@pytest.mark.parametrize(("path", "kind", "matters"), paths(OF_RUN))
def test_each_field_of_a_run_has_its_kind(path: str, kind: str, *, matters: bool) -> None:
    one, other, base, new = both_at(path)
    (found,) = differences(manifest(**one), manifest(**other))
    assert found == Difference(path, base, new, kind)  # type: ignore[arg-type]
    assert found.matters == matters
    assert differences(manifest(**one), manifest(**one)) == ()


@pytest.mark.parametrize(("path", "kind", "matters"), paths(OF_TARGET))
def test_each_field_of_a_target_has_its_kind(path: str, kind: str, *, matters: bool) -> None:
    here, there, base, new = both_at(path)
    one, other = (with_targets(a=entry, b={}) for entry in (here, there))
    shown = path.removeprefix("facts.")
    expected = Difference(shown, base, new, kind)  # type: ignore[arg-type]
    assert differences(one, other, base_target="a") == (expected,)
    assert expected.matters == matters
    (behind,) = differences(one, other)
    assert (behind.name, behind.matters) == (f"a: {shown}", matters)
    assert differences(one, other, base_target="b") == ()


def test_what_changes_from_block_to_block_is_no_difference() -> None:
    one, other = (
        manifest(
            targets=targets(a={"facts": {"affinity": [number], "cpuset": [number], "clock_cost_ns": number}}),
            loops={"ipc.fan/one@a": {"job": number}},
        )
        for number in (1, 2)
    )
    assert one != other
    assert differences(one, other) == ()


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("engine.rootless", True, "yes"),
        ("engine.rootless", False, "no"),
        ("seed", 0, "0"),
        ("engine.warnings", [], "none"),
        ("engine.warnings", ["x"], "x"),
        ("engine.warnings", ["x", "1", "y"], "x, 1, y"),
        ("profile", None, NOT_RECORDED),
        ("profile", "quick", "quick"),
        ("budget_s", 1.5, "1.5"),
        ("budget_s", 2.0, "2"),
    ],
)
def test_values_are_written_in_words(path: str, value: object, words: str) -> None:
    other, its_words = {
        "engine.rootless": (not value, "no" if value else "yes"),
        "engine.warnings": (["other", "z"], "other, z"),
        "profile": ("other", "other"),
    }.get(path, (7, "7"))
    kind: Kind = "machine" if path.startswith("engine") else "plan"
    one, two = manifest(**at(path, value)), manifest(**at(path, other))
    assert differences(one, two) == (Difference(path, words, its_words, kind),)
    assert differences(two, one) == (Difference(path, its_words, words, kind),)


def test_of_an_object_each_leaf_is_compared_and_what_one_side_lacks_is_not_recorded() -> None:
    components = {"runc": "1", "containerd": "2"}
    base = manifest(host={"label": "x", "cpus": 2, "python": "3.13"}, engine={"name": "a", "components": components})
    new = manifest(
        host={"label": "x", "cpus": 9, "kernel": None},
        engine={"name": "a", "components": {"runc": "3"}, "version": "27"},
    )
    assert differences(base, new) == (
        Difference("host.cpus", "2", "9", "machine"),
        Difference("host.python", "3.13", NOT_RECORDED, "machine"),
        Difference("engine.components.containerd", "2", NOT_RECORDED, "machine"),
        Difference("engine.components.runc", "1", "3", "machine"),
        Difference("engine.version", NOT_RECORDED, "27", "machine"),
    )
    assert differences(manifest(), manifest(engine={"name": "docker"})) == (
        Difference("engine.name", NOT_RECORDED, "docker", "machine"),
    )
    assert differences(with_targets(a={"facts": None}), with_targets(a={"facts": {"os": "linux"}})) == (
        Difference("os", NOT_RECORDED, "linux", "machine"),
    )


def test_a_difference_of_all_shared_targets_is_stated_once_and_that_of_some_behind_each() -> None:
    old, new = {"executable": "/a", "cpu_mode": "cpuset"}, {"executable": "/b", "cpu_mode": "quota"}
    one = with_targets(a=old, b=old, c=old, gone=old)
    other = with_targets(a=new, b=new, c={**old, "executable": "/b"}, added=new)
    assert differences(one, other) == (
        Difference("targets", "a, b, c, gone", "a, added, b, c", "plan"),
        Difference("executable", "/a", "/b", "image"),
        Difference("a: cpu_mode", "cpuset", "quota", "plan"),
        Difference("b: cpu_mode", "cpuset", "quota", "plan"),
    )
    assert differences(with_targets(a={}), manifest()) == (Difference("targets", "a", "none", "plan"),)


def cells(*names: str) -> Manifest:
    """A manifest with these cells, each ``target/scenario/case``."""
    found = [dict(zip(("target", "scenario", "case"), name.split("/"), strict=True)) for name in names]
    return manifest(targets=targets(a={}, b={}), cells=found)


def test_other_cells_of_the_shared_targets_are_counted() -> None:
    one, other = cells("a/s/1", "a/s/2", "b/s/1", "x/s/9"), cells("a/s/1", "b/s/2")
    assert differences(one, other) == (Difference("cells", "3 cells, 2 only here", "2 cells, 1 only here", "plan"),)
    assert differences(one, other, base_target="a") == (
        Difference("cells", "2 cells, 1 only here", "1 cell, 0 only here", "plan"),
    )
    assert differences(one, other, base_target="b", new_target="a") == ()
    assert differences(cells("a/s/1"), cells("a/s/1", "y/s/1")) == ()
    assert differences(cells("a/s/1"), cells("a/t/1"))[0].base == "1 cell, 1 only here"


def test_two_targets_of_one_run_are_held_against_each_other() -> None:
    both = with_targets(a={"executable": "/a"}, b={"executable": "/b"})
    assert differences(both, both, base_target="a", new_target="b") == (Difference("executable", "/a", "/b", "image"),)
    assert differences(both, both, base_target="a") == ()
    for names in ({"base_target": "c"}, {"base_target": "a", "new_target": "c"}):
        with pytest.raises(KeyError, match="c"):
            differences(both, both, **names)


def test_what_has_no_weight_comes_last_in_both() -> None:
    old, new = {"image": {"image_id": "1"}, "cpu_mode": "cpuset"}, {"image": {"image_id": "2"}, "cpu_mode": "quota"}
    one = manifest(seed=1, created="x", targets=targets(a=old))
    other = manifest(seed=2, created="y", targets=targets(a=new))
    for options in ({}, {"base_target": "a"}):
        found = [difference.name for difference in differences(one, other, **options)]
        assert found == ["cpu_mode", "seed", "created", "image.image_id"]
