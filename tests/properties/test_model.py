"""Whatever is planned comes back from the manifest as it was."""

from __future__ import annotations

import string
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from lab.model import Cell, CellRecord, CpuMode, Limit, Manifest, Target, TargetRecord
from tests.manifests import plain

NAMES = st.text(string.ascii_letters + string.digits + ".-_", min_size=1, max_size=12)
COUNTS = st.integers(1, 512)
LIMITS = st.builds(
    Limit, mode=st.sampled_from(get_args(CpuMode)), cpus=st.floats(0.001, 512), period_us=st.just(100_000)
) | st.builds(Limit, mode=st.just("quota"), cpus=st.floats(0.001, 512), period_us=st.integers(1000, 1_000_000))
TARGETS = st.builds(
    Target,
    id=NAMES, key=st.sampled_from(["3.9", "3.13", "3.14t"]), engine=st.sampled_from(["docker", "podman", "none"]),
    os=NAMES, arch=NAMES, limit=LIMITS, cpus_visible=COUNTS, diagnose=st.none() | st.just("seccomp"),
    is_baseline=st.booleans(),
)  # fmt: skip
TEXTS = st.sampled_from(["", "pipe", "ü", 'a"b'])
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "pipe", "ü", 'a"b'])
)
CELLS = st.builds(
    Cell,
    target=NAMES, scenario=NAMES, case=NAMES, values=st.dictionaries(NAMES, VALUES), deadline_s=st.floats(0, 1e6),
    estimate_s=st.floats(0, 1e6), sidecar=st.none() | NAMES,
)  # fmt: skip


def through_a_file(manifest: Manifest) -> Manifest:
    return Manifest.decode(manifest.encode(), "manifest.json")


@given(st.lists(TARGETS, max_size=3), st.lists(CELLS, max_size=3))
def test_targets_and_cells_come_back_from_the_manifest(targets: list[Target], cells: list[Cell]) -> None:
    empty = Manifest.from_plain(plain())
    written = Manifest(
        schema_version=empty.schema_version,
        run_id="r",
        host=empty.host,
        targets=tuple(map(TargetRecord.from_target, targets)),
        cells=tuple(map(CellRecord.from_cell, cells)),
    )
    read = through_a_file(written)
    assert read == written
    assert [record.target for record in read.targets] == targets
    assert [record.cell for record in read.cells] == cells
    assert [record.id for record in read.cells] == [cell.id for cell in cells]


@given(LIMITS, LIMITS)
def test_two_quotas_have_one_label_only_where_they_are_one(one: Limit, other: Limit) -> None:
    """CPUs count to six digits, more than any limit of a command line has."""
    if one.label == other.label:
        assert f"{one.cpus:g}" == f"{other.cpus:g}"
        assert (one.mode == "quota") == (other.mode == "quota")
        assert one.mode != "quota" or one.period_us == other.period_us
