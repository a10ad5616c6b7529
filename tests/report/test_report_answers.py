"""Figures, findings and pages from rows with known numbers."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import pandas as pd
import pytest
from msgspec.structs import replace

from lab.agent.toolkit.channels import natural_payload
from lab.model import WallSplit
from lab.report import labels
from lab.report.data import RunData, of_frames
from lab.report.drawing import theme
from lab.report.drawing.drawing import Drawing, Missing
from lab.report.drawing.save import save
from lab.report.figures import figures
from lab.report.findings import findings
from lab.report.pages import html
from lab.report.pages.content import Content, Picture, Section, content, split
from lab.report.pages.templating import markdown_page
from lab.report.speedup import ideal, speedups
from lab.report.targets import version_order
from lab.stats.tables.summary import summarize
from lab.tables import csv_files, schema
from tests.manifests import manifest

HOSTILE = "<script>alert('1')</script> | $x$ `a` \"b\"\nsecond"
C2: dict[str, Any] = {"target": "py313-linux-c2", "engine": "docker", "cpu_mode": "cpuset", "cpus_requested": 2.0}
QUOTA: dict[str, Any] = {"target": "py313-linux-q0.5", "engine": "docker", "cpu_mode": "quota", "cpus_requested": 0.5}


def samples(cells: list[dict[str, Any]], rounds: int) -> pd.DataFrame:
    """Three batches a cell and round; ``value`` shifts by 1 % a round, alike in all cells, as drift does."""
    common: dict[str, Any] = {
        "run_id": "r",
        "os": "linux",
        "python": "3.13.0",
        "build": "gil",
        "variant": "{}",
        "unit": "ns",
    }
    common |= {"metric": "wall_time", "loops": 1, "process": 0, "warmup": 0, "status": "ok"}
    rows = [
        {**common, **C2, **cell, "round": number, "sample": batch, "value": cell["value"] * 1.01**number}
        for cell in cells
        for number in range(rounds)
        for batch in range(3)
    ]
    return csv_files.conform(pd.DataFrame(rows), schema.SAMPLES)


def run(cells: list[dict[str, Any]], rounds: int = 5, **more: Any) -> RunData:
    frame = samples(cells, rounds)
    return of_frames(manifest(**{"finished": "yes", **more}), summary=summarize(frame), samples=frame)


def job(executor: str, workers: int, value: float, **more: Any) -> dict[str, Any]:
    start_method = None if executor in ("serial", "threads") else "fork"
    case = f"pure_python-{executor}-{workers}"
    axes = {"family": "pool", "scenario": "pool.scaling", "operation": "job", "work": "pure_python", "case": case}
    return {**axes, "executor": executor, "workers": workers, "start_method": start_method, "value": value, **more}


def trip(mechanism: str, placement: str, value: float, **more: Any) -> dict[str, Any]:
    axes = {"family": "ipc", "scenario": "ipc.round_trip", "operation": "round_trip", "payload_bytes": 64}
    case = f"{mechanism}-64-{placement}"
    return {**axes, "mechanism": mechanism, "placement": placement, "case": case, "value": value, **more}


def start(method: str, value: float) -> dict[str, Any]:
    axes = {"family": "process", "scenario": "process.start", "operation": "start_join", "placement": "same_cpu"}
    return {**axes, "start_method": method, "case": f"{method}-same_cpu", "value": value}


POOL = [job("serial", 1, 8e6), job("threads", 2, 10e6), job("processes", 2, 5e6), job("independent", 2, 4e6)]
IPC = [trip("pipe", "same_cpu", 10e3), trip("queue", "same_cpu", 35e3), trip("pipe", "cross_cpu", 40e3)]
STARTS = [start("fork", 2e6), start("spawn", 40e6)]


@pytest.fixture(autouse=True)
def themed() -> Iterator[None]:
    with mpl.rc_context(theme.RC):  # type: ignore[arg-type]  # the stubs list all names
        yield


@pytest.mark.parametrize("name", figures())
def test_a_figure_without_data_gives_its_reason(name: str) -> None:
    empty = of_frames(manifest(), summary=csv_files.conform(pd.DataFrame(), schema.SUMMARY))
    drawn = figures()[name].draw(empty)
    assert isinstance(drawn, Missing)
    assert drawn.reason


def texts(drawn: Drawing | Missing) -> str:
    assert isinstance(drawn, Drawing)
    return " ".join(" ".join(text.get_text().split()) for text in drawn.figure.texts)


def bars(drawn: Drawing | Missing) -> int:
    assert isinstance(drawn, Drawing)
    return sum(len(panel.collections) for panel in drawn.figure.axes)


def test_one_round_is_drawn_without_intervals_and_says_so() -> None:
    drawn = figures()["pool_scaling"].draw(run(POOL, rounds=1))
    assert bars(drawn) == 0
    assert "No intervals: one needs 5 rounds; this has 1." in texts(drawn)


def test_five_rounds_are_drawn_with_intervals() -> None:
    drawn = figures()["pool_scaling"].draw(run(POOL))
    assert bars(drawn) == 2  # threads and processes
    assert "95% t-intervals over rounds" in texts(drawn)
    assert "n: 5 rounds of 3 batches per point" in texts(drawn)


def test_nothing_is_written_outside_of_the_page_or_over_something_else() -> None:
    drawn = figures()["pool_scaling"].draw(
        run([*POOL, *(job(c["executor"], c["workers"], c["value"], **QUOTA) for c in POOL)])
    )
    assert isinstance(drawn, Drawing)
    figure = drawn.figure
    figure.draw_without_rendering()
    page = figure.bbox
    boxes = [text.get_window_extent() for text in figure.texts]
    boxes += [box for panel in figure.axes if (box := panel.get_tightbbox()) is not None] + [
        legend.get_window_extent() for legend in figure.legends
    ]
    assert all(page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1 for box in boxes)
    assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]


@pytest.mark.parametrize(
    ("workers", "cpus", "most"), [(1, 2, 1), (2, 2, 2), (4, 2, 2), (1, 0.5, 1), (4, 0.5, 1), (4, 1.5, 1.5)]
)
def test_the_ideal_under_a_quota_is_relative_to_the_serial_job_under_it(workers: int, cpus: float, most: float) -> None:
    assert math.isclose(ideal(workers, cpus), most)


def test_a_speed_up_is_paired_so_that_drift_cancels() -> None:
    pool = next(item for item in speedups(run(POOL)) if item.row.executor == "processes")
    assert math.isclose(pool.value.value, 1.6)
    assert pool.value.low is not None
    assert math.isclose(pool.value.low, 1.6)
    assert math.isclose(pool.efficiency.value, 0.8)


def test_findings_state_the_numbers_of_the_tables() -> None:
    pool, start_cost, messages = (finding.text for finding in findings(run([*POOL, *IPC, *STARTS]))[:3])
    assert "2 processes (fork) are 1.60 times as fast as the serial job (1.60 to 1.60: faster)" in pool
    assert "2 threads are 0.800 times as fast (0.800 to 0.800: slower)" in pool
    assert "Without a pool, with the job divided beforehand, 2 processes reach 2.00 times" in pool
    assert pool.endswith("Python 3.13.0 in a container, 2 CPUs (py313-linux-c2). In brackets: 95% intervals.")
    assert "40.8 ms with spawn, 20.0 times as long" in start_cost
    assert "pipe is the fastest of 2 mechanisms at 10.2 µs (10.0 to 10.4 µs)" in messages
    assert "queue the slowest at 35.7 µs" in messages
    assert "3.50 times as long" in messages
    assert "pipe takes 4.00 times as long across two CPUs as on one" in messages


def test_the_second_read_of_a_named_pipe_is_reported_on_windows_only() -> None:
    at_the_edge = [
        trip("pipe", "same_cpu", value, payload_bytes=size, case=f"pipe-{size}-same_cpu")
        for size, value in ((128, 10e3), (129, 12e3))
    ]
    windows = {"os": "windows", "target": "py313-windows-native-c2", "engine": "none"}
    (*_, found) = findings(run([{**cell, **windows} for cell in at_the_edge]))
    assert "pipe takes 1.20 times as long as with 128 B (1.20 to 1.20)" in found.text
    assert not [finding for finding in findings(run(at_the_edge)) if "named pipe" in finding.text]


def test_the_wall_time_names_the_parts_of_the_warm_up_and_only_the_whole_of_older_runs() -> None:
    older = WallSplit(wall_s=10.0, timed_s=5.0, warmup_s=4.0, host_s=1.0)
    assert [name for name, _, _ in split(older)] == ["timed batches", "warm-up", "host side"]
    newer = replace(older, warmup_parts_s={"calibration": 2.5, "untimed": 1.0})
    assert split(newer) == [
        ("timed batches", 5.0, 0.5),
        ("calibration", 2.5, 0.25),
        ("untimed iterations", 1.0, 0.1),
        ("warm-up, other", 0.5, 0.05),
        ("host side", 1.0, 0.1),
    ]


def large(state: str, value: float) -> dict[str, Any]:
    case = "pipe-1048576-same_cpu" + ("" if state == "fresh" else f"-{state}")
    variant = json.dumps({"allocator": state, "payload": "bytes"})
    return trip("pipe", "same_cpu", value, payload_bytes=1_048_576, case=case, variant=variant)


def test_memory_that_goes_back_to_the_kernel_is_a_finding_with_its_remedy() -> None:
    def found(fresh: float, retained: float) -> list[str]:
        cells = [*IPC, large("fresh", fresh), large("retained", retained)]
        return [finding.text for finding in findings(run(cells)) if "glibc" in finding.text]

    (text,) = found(2.4e6, 1.2e6)
    assert "A round trip of 1 MiB over pipe takes 2.4" in text
    assert "2.00 times as long" in text
    assert "MALLOC_MMAP_THRESHOLD_=134217728 MALLOC_TRIM_THRESHOLD_=134217728" in text
    assert found(1.2e6, 1.2e6) == []
    assert not [finding for finding in findings(run(IPC)) if "glibc" in finding.text]


def test_the_finding_about_a_quota_is_second_where_one_was_measured() -> None:
    limited = [job("serial", 1, 16e6, **QUOTA), job("processes", 2, 20e6, **QUOTA)]
    second = findings(run([*POOL, *STARTS, *limited]))[1]
    assert second.figure == "quota_cost"
    assert "the serial job takes 2.00 times as long as on 2 CPUs" in second.text
    assert "a pool of 2 processes (fork) takes 1.25 times as long as the serial job under the same quota" in second.text


def test_a_run_of_one_round_says_that_it_decides_nothing() -> None:
    found = findings(run([*POOL, *IPC, *STARTS], rounds=1))
    assert len(found) > 1
    for finding in found:
        assert finding.text.endswith("One round, no interval: this decides nothing.")
        assert "95 %" not in finding.text


def test_free_placements_are_in_no_finding() -> None:
    found = findings(run([*IPC, trip("signal", "free", 1e3)]))
    assert any("pipe" in finding.text for finding in found)
    assert not [finding for finding in found if "signal" in finding.text]


def chunk(task_ns: int, size: int, value: float, operation: str = "map") -> dict[str, Any]:
    axes = {"family": "pool", "scenario": "pool.chunksize", "task_ns": task_ns, "chunksize": size, "workers": 2}
    return {**axes, "operation": operation, "case": f"{task_ns}-{size}-2-{operation}", "value": value}


def test_a_heat_map_shows_how_much_slower_than_the_best_of_its_row() -> None:
    cells = [chunk(1000, 1, 9e3), chunk(1000, 16, 3e3), chunk(100_000, 1, 5e4), chunk(100_000, 16, 5e4)]
    drawn = figures()["pool_chunksize"].draw(run(cells))
    assert isinstance(drawn, Drawing)
    (panel,) = drawn.figure.axes
    assert [text.get_text() for text in panel.texts] == ["3.00", "1.00", "1.00", "1.00"]
    assert "takes 3.00 times the best" in drawn.alternative


def test_a_single_chunk_size_is_drawn_as_a_dot_plot() -> None:
    drawn = figures()["pool_chunksize"].draw(run([chunk(1000, 1, 9e3)]))
    assert isinstance(drawn, Drawing)
    assert [label.get_text() for label in drawn.figure.axes[0].get_yticklabels()] == ["1.00 µs, chunk size 1"]
    assert drawn.alternative.endswith(" Only 9.18 µs (1.00 µs, chunk size 1, py313-linux-c2).")


def test_memory_is_drawn_as_shared_and_as_own() -> None:
    axes = {"family": "process", "scenario": "process.memory", "operation": "worker_memory", "workers": 2}
    more = {"unit": "bytes", "start_method": "fork", "case": "fork-2"}
    cells = [{**axes, **more, "metric": metric, "value": value} for metric, value in (("pss", 4e6), ("uss", 2e6))]
    drawn = figures()["process_memory"].draw(run(cells))
    assert isinstance(drawn, Drawing)
    assert "2 workers" in drawn.figure.axes[0].get_title(loc="left")
    assert "From 1.946 MiB (fork, py313-linux-c2) to 3.891 MiB" in drawn.alternative


def test_a_start_without_bytecode_is_not_reported_as_a_usual_one() -> None:
    shipped = {**start("spawn", 160e6), "case": "spawn-same_cpu-shipped", "variant": '{"bytecode": "shipped"}'}
    data = run([*STARTS, shipped])
    drawn = figures()["process_start"].draw(data)
    assert "no .pyc: each child compiles" in texts(drawn)
    assert any("40.8 ms with spawn, 20.0 times as long" in found.text for found in findings(data))


def test_waiting_is_bound_by_its_workers_and_not_by_the_cpus() -> None:
    cells = [job("serial", 1, 8e6, work="waiting"), job("processes", 4, 2e6, work="waiting")]
    (found,) = speedups(run(cells))
    assert found.ideal == 4


def page(data: RunData, pictures: list[Picture] | None = None) -> Content:
    return content(data, findings(data), [Section(title="Pool scaling", pictures=pictures or [])])


def hostile_run() -> RunData:
    more: dict[str, Any] = {
        "host": {"label": HOSTILE, "cpus": 2},
        "notes": [HOSTILE],
        "run_id": HOSTILE,
        "command": HOSTILE,
    }
    return run([job("serial", 1, 8e6, target=HOSTILE, case=HOSTILE), *POOL], **more)


def test_hostile_names_are_text_in_html() -> None:
    shown = html.render(page(hostile_run()))
    assert shown.count("<script") == 1  # our own
    assert "alert('1')" not in shown
    assert "&lt;script&gt;" in shown


def test_hostile_names_are_text_in_markdown() -> None:
    shown = markdown_page("report.md", content=page(hostile_run()))
    assert "<script" not in shown
    assert "\nsecond" not in shown
    rows = [line for line in shown.splitlines() if line.startswith("| &lt;script&gt;")]
    assert rows
    assert {line.replace("\\|", "").count("|") for line in rows} <= {10}


def test_hostile_names_are_text_in_a_figure(tmp_path: Any) -> None:
    data = run([trip(HOSTILE, "same_cpu", 1e3), *IPC], host={"label": "one", "cpu_model": HOSTILE})
    drawn = figures()["ipc_mechanisms"].draw(data)
    assert isinstance(drawn, Drawing)
    svg = save(drawn.figure, tmp_path, "ipc")
    picture = Picture(name="ipc", alternative=drawn.alternative, svg=svg)
    shown = html.render(page(data, [picture]))
    assert shown.count("<script") == 1  # our own
    inlined = shown[shown.index("<svg") : shown.index("</svg>") + len("</svg>")]
    assert ET.fromstring(inlined).attrib["style"].startswith("max-width")


def sized(mechanism: str, size: int, value: float, payload: str | None = "bytes") -> dict[str, Any]:
    found = trip(mechanism, "same_cpu", value, payload_bytes=size, variant=json.dumps({"payload": payload}))
    return {**found, "case": f"{mechanism}-{size}-{payload}"}


def panels_of(cells: list[dict[str, Any]], figure: str) -> list[str]:
    drawn = figures()[figure].draw(run(cells))
    assert isinstance(drawn, Drawing)
    return [axes.get_title(loc="left").partition("\n")[0] for axes in drawn.figure.axes]


def test_few_mechanisms_share_a_panel_and_many_have_one_panel_per_kind() -> None:
    few = [
        sized(name, size, 1e4, natural_payload(name)) for name in ("pipe", "fifo", "unix_socket") for size in (64, 1024)
    ]
    assert panels_of(few, "ipc_round_trip") == ["Python 3.13.0"]
    many = [
        sized(name, size, 1e4, natural_payload(name))
        for name in theme.MECHANISMS
        if name != "signal"
        for size in (64, 1024)
    ]
    assert panels_of(many, "ipc_round_trip") == ["Pipes", "Queues", "Sockets", "Memory and message queues"]
    unknown = [*many, *(sized("telepathy", size, 1e4) for size in (64, 1024))]
    assert panels_of(unknown, "ipc_round_trip")[-1] == "Others"


def test_a_mechanism_of_one_size_is_a_dot_and_not_a_line() -> None:
    cells = [sized(name, 64, 1e4, natural_payload(name)) for name in theme.MECHANISMS]
    assert isinstance(figures()["ipc_round_trip"].draw(run(cells)), Missing)
    drawn = figures()["ipc_mechanisms"].draw(run(cells))
    assert isinstance(drawn, Drawing)
    names = [label.get_text() for label in drawn.figure.axes[0].get_yticklabels()]
    assert set(names) == {labels.plain(name) for name in theme.MECHANISMS}


def test_the_fastest_mechanism_is_found_among_natural_payloads() -> None:
    cells = [sized("pipe", 64, 1e4), sized("queue", 64, 3e4, "object"), sized("pipe", 64, 1e3, "flat_list")]
    (found,) = [finding.text for finding in findings(run(cells)) if "64 B" in finding.text]
    assert "pipe is the fastest of 2 mechanisms at 10.2 µs" in found


def test_an_interrupted_run_that_measured_nothing_still_gives_a_page() -> None:
    data = of_frames(manifest(), summary=csv_files.conform(pd.DataFrame(), schema.SUMMARY))
    shown = html.render(page(data))
    assert "Nothing was measured." in shown
    assert "This run did not finish" in shown
    assert "not recorded" in markdown_page("report.md", content=page(data))


def test_a_run_slowed_on_purpose_warns_first() -> None:
    shown = markdown_page("report.md", content=page(run(POOL, inject_slowdown_percent=20.0)))
    assert "slowed on purpose by 20" in shown.split("## Answers")[0]


def test_cells_without_a_value_are_grouped_by_their_reason() -> None:
    frame = samples(POOL, 5)
    lost = [{**trip(name, "cross_cpu", 0), **C2} for name in ("pipe", "queue")]
    failed = pd.DataFrame([{**row, "value": None, "status": "unsupported", "reason": "needs two CPUs"} for row in lost])
    frame = pd.concat([frame, csv_files.conform(failed, schema.SAMPLES)], ignore_index=True)
    table = page(of_frames(manifest(), summary=summarize(frame), samples=frame)).problems
    assert [row[:5] for row in table.rows] == [
        ["unsupported", "ipc.round_trip", "2", "py313-linux-c2", "needs two CPUs"],
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (0.95, "0.950"), (2.0, "2.00"), (99.96, "100"), (999.9, "1,000"), (12345.6, "12,346")],
)
def test_numbers_have_three_digits(value: float, shown: str) -> None:
    assert labels.number(value) == shown


def test_sizes_are_binary_and_versions_sort_as_numbers() -> None:
    assert [labels.size(count) for count in (64, 16_384, 1_048_576)] == ["64 B", "16 KiB", "1 MiB"]
    assert sorted(["3.13.0", "3.9.18", "3.10.1"], key=version_order) == ["3.9.18", "3.10.1", "3.13.0"]
