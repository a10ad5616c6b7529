"""`lab run` natively, from the command line to the CSVs: real interpreters, real cells, real signals."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from lab.planning.profiles import profile
from lab.runs.raw import read_raw
from lab.tables import schema
from lab.targets.interpreters import find_interpreters

ROOT = Path(__file__).resolve().parents[2]
CELL = "ipc.round_trip/pipe-64-same_cpu"


@pytest.fixture(scope="module")
def newest() -> str:
    return [found.key for found in find_interpreters() if not found.free_threaded][-1]


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "lab", "run", "--engine", "none", *map(str, arguments)]


def lab(*arguments: str | Path, expect: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == expect, done.stderr
    assert "Traceback" not in done.stderr
    return done


def attentive() -> None:
    """A shell starts background jobs with SIGINT ignored, and that is inherited."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def wait_for(path: Path, text: str, seconds: float = 180) -> None:
    limit = time.monotonic() + seconds
    while not any(text in file.read_text() for file in path.glob("raw/*.jsonl")):
        assert time.monotonic() < limit, f"{text} never came"
        time.sleep(0.02)


def tried(out: Path) -> dict[tuple[str, str], list[bool]]:
    """(raw file, cell) -> of each attempt at it whether it came to its end."""
    return {
        (path.name, cell): [attempt.end is not None for attempt in own]
        for path in out.glob("raw/*.jsonl")
        for cell, own in read_raw(path).attempts.items()
    }


def finished(tries: dict[tuple[str, str], list[bool]]) -> set[tuple[str, str]]:
    return {key for key, own in tries.items() if any(own)}


def is_gone_on_with(
    before: dict[tuple[str, str], list[bool]], after: dict[tuple[str, str], list[bool]], processes: int
) -> None:
    """What had been tried was left alone, and every cell has as many finished processes in a round as were planned."""
    assert all(after[key][: len(own)] == own for key, own in before.items())
    assert {sum(own) for own in after.values()} == {processes}


def test_a_run_leaves_the_folder_of_the_contract_and_prints_its_page_last(tmp_path: Path, newest: str) -> None:
    out = tmp_path / "Läufe mit Lücken"  # spaces and letters beyond ASCII in every path
    done = lab("--profile", "smoke", "--python", newest, "--cpus", "1", "--scenario", CELL, "--out", out)
    assert done.stdout.splitlines()[-1] == str(out / "index.html")
    for name in (
        "manifest.json",
        "samples.csv",
        "summary.csv",
        "claims.csv",
        "scaling.csv",
        "conditions.csv",
        "canary.csv",
    ):
        assert (out / name).stat().st_size > 0
    for name in ("report.md", "index.html"):
        assert (out / name).is_file(), name
    samples = pd.read_csv(out / "samples.csv")
    assert list(samples.columns) == schema.names(schema.SAMPLES)
    assert set(samples["status"]) == {"ok"}
    assert set(samples["cpus_requested"]) == set(samples["cpus_observed"]) == {1.0}
    assert set(samples["engine"]) == {"none"}
    times = samples[samples["metric"] == "wall_time"]
    assert sorted(times["warmup"]) == [0, 0, 0, 1]
    assert times["value"].between(1_000, 1_000_000_000).all(), "nanoseconds, however slow the machine is"
    assert set(times["variant"]) == {'{"payload": "bytes"}'}
    conditions = pd.read_csv(out / "conditions.csv")
    assert len(conditions) == len(times)
    assert pd.read_csv(out / "canary.csv")["when"].tolist() == ["before", "after"]


def test_interrupt_keeps_what_had_finished_and_resume_completes_the_plan(tmp_path: Path, newest: str) -> None:
    out = tmp_path / "run"
    arguments = ("--profile", "quick", "--python", newest, "--cpus", "1", "--scenario", "ipc.round_trip/*e-64-same_cpu")
    with subprocess.Popen(
        command(*arguments, "--out", out),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=attentive,  # noqa: PLW1509 - it sets a signal, and no thread runs here
    ) as process:
        wait_for(out, '"kind":"end"')
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=120)
    assert process.returncode == 130, complaints
    assert f"--resume {out}" in complaints
    before = tried(out)
    assert 0 < len(finished(before)) < len(json.loads((out / "manifest.json").read_text())["cells"]) * 5
    lab("--resume", out)
    is_gone_on_with(before, tried(out), profile("quick").processes)
    samples = pd.read_csv(out / "samples.csv")
    kept = samples[(samples["metric"] == "wall_time") & (samples["warmup"] == 0)]
    assert kept.groupby(["case", "round", "process"]).size().eq(3).all()
    assert kept.groupby("case")["round"].nunique().eq(5).all()


def test_a_run_that_was_killed_can_be_resumed(tmp_path: Path, newest: str) -> None:
    out = tmp_path / "run"
    arguments = ("--profile", "quick", "--python", newest, "--cpus", "1", "--scenario", "pool.scaling/pure_*-fork-*")
    with subprocess.Popen(
        command(*arguments, "--out", out), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        wait_for(out, '"kind":"end"')
        process.kill()
    before = tried(out)
    lab("--resume", out)
    is_gone_on_with(before, tried(out), processes=1)  # one CPU answers no question about workers
    manifest = json.loads((out / "manifest.json").read_text())
    samples = pd.read_csv(out / "samples.csv")
    assert samples.groupby("case")["round"].nunique().eq(5).all()
    assert samples["case"].nunique() == len(manifest["cells"])
    assert manifest["unfinished_attempts"] == sum(own.count(False) for own in before.values())


def test_rebuilding_gives_the_same_bytes(tmp_path: Path, newest: str) -> None:
    out = tmp_path / "run"
    lab("--profile", "smoke", "--python", newest, "--cpus", "1", "--scenario", "process.start", "--out", out)
    derived = [
        path for path in sorted(out.rglob("*")) if path.is_file() and path.suffix in {".csv", ".md", ".html", ".svg"}
    ]
    before = {path: path.read_bytes() for path in derived}
    for path in derived:
        path.unlink()
    subprocess.run([sys.executable, "-m", "lab", "report", str(out)], cwd=ROOT, check=True, capture_output=True)
    assert {path: path.read_bytes() for path in derived} == before


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--profile", "nosuch"], 2, "choose one of smoke, quick, standard, full"),
        (["--scenario", "nosuch.*"], 2, "the plan has"),
        (["--target", "py27*"], 2, "found: py"),
        (["--python", "2.7"], 2, "found: 3."),
        (["--cpus", "4096"], 2, "CPUs of this machine"),
        (["--cpus", "0.5q2000"], 2, "1 to 1000 ms"),
        (["--budget", "soon"], 2, "10m"),
        (["--shard", "3/2"], 2, "from 1 to N"),
        (["--image", "3.13"], 2, "VERSION=REF"),
        (["--nosuch"], 2, "--nosuch"),
        (["--out", "/proc/nowhere"], 2, "cannot be written"),
        (["--resume", "/nowhere"], 2, "leave out --profile"),
    ],
)
def test_bad_input_gets_one_sentence_and_the_exit_code_of_the_contract(
    arguments: list[str], code: int, words: str
) -> None:
    told_once(lab("--profile", "smoke", *arguments, expect=code), words)


def test_a_folder_without_a_run_cannot_be_resumed() -> None:
    told_once(lab("--resume", "/nowhere", expect=5), "not a run folder")


def told_once(done: subprocess.CompletedProcess[str], words: str) -> None:
    sentences = [line for line in done.stderr.splitlines() if line.startswith("lab: ")]
    assert len(sentences) == 1, done.stderr
    assert words in sentences[0]
    assert done.stdout == ""
