"""What the lab says of a quiet and of a loaded half of one run, and whether the one contradicts the other.

A cell is *named* where ``lab.stats.disturbances`` gives "load of others" as a cause that disturbs: then it is noisy
however narrow its interval, with the remedy in its reason. In the quiet half that is a false naming, unless something
else ran there.

No verdict rests on a disturbed cell: a claim is undecided (``lab.claims.parts``), a comparison cannot tell
(``lab.stats.pairs``), whatever the interval. That is by design and not left to the scatter, for a neighbour that is
always there shifts a time without widening its interval. Here it is put to the proof, three times: every claim and
every comparison of one CPU with two that both halves decide must be decided alike; and where a loaded target is held
against the quiet one, which is the same but for the neighbour, nothing may be called slower or faster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from lab.claims import evaluate
from lab.comparisons.comparison import contrast
from lab.comparisons.pairing import Pair
from lab.comparisons.sides import Run
from lab.stats.disturbances import CAUSES, CELL, disturbed_cells, seen_causes
from lab.stats.tables.summary import summarize
from lab.validation.selfcheck.session import Arm, Session

LOAD = "load of others"
DECIDED = frozenset({"holds", "fails", "slower", "faster", "same"})
HALVES = ("quiet", "loaded")
VERDICT_COLUMNS = ["kind", "what", "quiet", "loaded", "contradicts"]


def cell_table(session: Session, arms: Sequence[Arm]) -> pd.DataFrame:
    """One row a measured cell, with its half and what is said of it.

    ``stable`` is the worst word of its times and ``reason`` what stands there; ``share`` is what others took of its
    CPUs, where it is named for that.
    """
    summary = summarize(session.samples, session.conditions)
    timed = summary[(summary["metric"] == "wall_time") & (summary["n"] > 0)]
    words = timed.assign(steady=timed["stable"].eq("stable").fillna(value=False))
    cells = words.sort_values([*CELL, "steady"], kind="stable").drop_duplicates(CELL)[[*CELL, "stable", "reason"]]
    seen = seen_causes(session.conditions)
    others = seen.loc[seen["cause"] == LOAD, [*CELL, "share"]]
    table = cells.merge(others, on=CELL, how="left").sort_values(CELL, ignore_index=True)
    loaded = [arm.target.id for arm in arms if arm.loaded]
    return table.assign(
        half=table["target"].isin(loaded).map({False: HALVES[0], True: HALVES[1]}),
        named=table["share"].notna(),
        remedy_told=table["reason"].fillna("").str.contains(CAUSES[LOAD].remedy, regex=False),
    )


def verdict_table(session: Session, arms: Sequence[Arm], run: Run) -> pd.DataFrame:
    """One row a verdict that a half decided: ``kind``, ``what``, ``quiet``, ``loaded``, ``contradicts``."""
    pairs = list(zip(arms[::2], arms[1::2], strict=True))
    rows = claim_rows(session, pairs, run.manifest.host.cpus)
    if len(pairs) > 1:
        one, two = pairs[0], pairs[1]
        found, other = (compared(run, one[half].target.id, two[half].target.id) for half in (0, 1))
        names = sorted(found.keys() | other.keys())
        rows += [verdict_row("one CPU beside two", name, found.get(name, ""), other.get(name, "")) for name in names]
    for quiet, loaded in pairs:
        # The same on both sides but for the neighbour: what is decided here is decided wrongly, so quiet says "same".
        for name, word in compared(run, quiet.target.id, loaded.target.id).items():
            rows.append(verdict_row("loaded beside quiet", f"{name}@{plain(quiet)}", "same", word))
    return pd.DataFrame(rows, columns=VERDICT_COLUMNS)


def verdict_row(kind: str, what: str, quiet: str, loaded: str) -> dict[str, object]:
    """One verdict of both halves; they contradict each other where both decide, and differently."""
    contradicts = quiet in DECIDED and loaded in DECIDED and quiet != loaded
    return {"kind": kind, "what": what, "quiet": quiet, "loaded": loaded, "contradicts": contradicts}


def claim_rows(session: Session, pairs: Sequence[tuple[Arm, Arm]], cpus: int | None) -> list[dict[str, object]]:
    """Every claim that a half has numbers for, by the target that both halves stand for."""
    quiet, loaded = (
        half_claims(session, {pair[half].target.id: plain(pair[half]) for pair in pairs}, cpus) for half in (0, 1)
    )
    names = sorted(quiet.keys() | loaded.keys())
    return [verdict_row("claim", name, quiet.get(name, ""), loaded.get(name, "")) for name in names]


def half_claims(session: Session, names: Mapping[str, str], cpus: int | None) -> dict[str, str]:
    """``CLAIM@TARGET`` -> verdict of the claims measured on these targets; ``names`` says what each stands for."""
    samples, around, causes = (
        renamed(frame, names) for frame in (session.samples, session.conditions, disturbed_cells(session.conditions))
    )
    claims = evaluate(summarize(samples, around), samples, causes, machine_cpus=cpus)
    told = claims[claims["verdict"] != "not measured"].astype(str)
    return dict(zip(told["claim"] + "@" + told["target"], told["verdict"], strict=True))


def renamed(frame: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """The rows of these targets under their other names."""
    mine = frame[frame["target"].isin(list(names))]
    return mine.assign(target=mine["target"].map(dict(names)).astype("string"))


def compared(run: Run, base: str, new: str) -> dict[str, str]:
    """Row of the comparison of two targets -> its verdict, as ``lab compare`` gives it."""
    rows = contrast([Pair(base=run, new=run, base_target=base, new_target=new)], base=base, new=new).rows
    measured = rows[rows["verdict"] != "not measured"]
    return dict(zip(measured["id"].astype(str), measured["verdict"].astype(str), strict=True))


def plain(arm: Arm) -> str:
    """What the target is called, whichever half it is of."""
    return arm.target.id.rpartition("-")[0]


def judged(cells: pd.DataFrame, verdicts: pd.DataFrame) -> dict[str, object]:
    """The part's result: what is named in which half, and what the loaded half decided against the quiet one.

    *reached*: every loaded cell is named, with the remedy, and no verdict is contradicted. *cannot tell*: the quiet
    half decides nothing by itself, so that there was nothing to contradict.
    """
    halves = {half: cells[cells["half"] == half] for half in HALVES}
    own = verdicts[verdicts["kind"] != "loaded beside quiet"]
    contradictions = int(verdicts["contradicts"].sum())
    decided = int(own["quiet"].isin(list(DECIDED)).sum())
    missed = int((~(halves["loaded"]["named"] & halves["loaded"]["remedy_told"])).sum())
    verdict = (
        "missed" if contradictions or missed else "reached" if decided and len(halves["loaded"]) else "cannot tell"
    )
    return {
        "halves": {half: counts(mine) for half, mine in halves.items()},
        "verdicts": len(verdicts),
        "decided_quiet": decided,
        "decided_loaded": int(own["loaded"].isin(list(DECIDED)).sum()),
        "contradictions": contradictions,
        "verdict": verdict,
    }


def counts(mine: pd.DataFrame) -> dict[str, object]:
    """Of one half: its cells, how many are not stable, how many are named, and the shares that others took."""
    shares = mine["share"].dropna()
    return {
        "cells": len(mine),
        "noisy": int(mine["stable"].isin(["noisy", "bimodal"]).sum()),
        "named": int(mine["named"].sum()),
        "remedy_told": int(mine["remedy_told"].sum()),
        "smallest_named_share": float(shares.min()) if len(shares) else None,
    }
