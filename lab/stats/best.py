"""Which option is best: the one rule of tables, report, advice and reproduction.

Options (mechanisms at a size, worker counts, start methods, …) of one group are compared by the ratios of their times,
paired by round. The rule answers three questions, each of which has a column of ``standings``:

- ``fastest``: the option with the shortest estimate (geometric mean of its rounds; the first of equals). It says
  nothing about certainty.
- ``verdict``: the fastest *wins* where every other option takes longer at a false discovery rate of 5% among all pairs
  of the family. Otherwise it and the options that cannot be distinguished from it are ``OPEN``, and the rest are
  *slower*. The fastest was chosen on the same rounds; since all pairs are corrected for, it does not matter which of
  them one looks at.
- ``near_best``: the options that may be within 5% of the best. An option is left out where another one is faster by
  more than 5% with the whole interval of their ratio, widened for the number of others, so that an option that is
  within 5% of the best is kept in 95% of runs at least. Every option is compared with every other, so that it does not
  matter which looks best. This suits worker counts, of which the smallest that is as good for practical purposes is
  wanted; the verdict suits options that differ in kind.

Sources: Benjamini and Hochberg (JRSS B 57, 1995) for the false discovery rate; Benjamini and Yekutieli (JASA 100, 2005)
for its validity when a direction is reported as well; Williams, Jones and Tukey (JEBS 24, 1999) for all pairs of a set;
Hsu, Constrained simultaneous confidence intervals for multiple comparisons with the best (Annals of Statistics 12,
1984). Deviation from Hsu: Bonferroni's correction instead of his constants, which assume equal variances.

A pair with a flagged cell (``lab.stats.quality.flags``) is not tested and decides nothing; its ratio is still reported.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from lab.stats.intervals import CONFIDENCE, MIN_ROUNDS
from lab.stats.rounds import BY_BLOCK, Key, Rounds, geometric_means_by, log_ratios, moments_by, named, with_ends
from lab.stats.tests import FALSE_DISCOVERY_RATE, minimum_effect, q_values, sign_p

OPEN: Final = "inconclusive"
NEAR = 1.05  # times the best: what is as good for practical purposes


def standings(
    logs: pd.DataFrame,
    group: Sequence[str],
    option: str,
    *,
    flagged: pd.DataFrame | None = None,
    bimodal: pd.DataFrame | None = None,
    family: Sequence[str] = (),
    within: Sequence[str] = (),
) -> pd.DataFrame:
    """Return how each option of each group stands.

    Args:
        logs: one row per option and round: the columns ``group``, ``option``, ``within``, ``round`` and ``log``.
        group: columns that identify a group, whose options are compared with each other.
        option: the column that identifies an option within its group.
        flagged: ``group`` and ``option`` of those by which nothing is decided.
        bimodal: the same of options with two modes, whose pairs are decided by the sign test.
        family: columns that separate families, each of which is corrected by itself; without any, all pairs are one.
        within: columns that must be equal for two rounds to be paired, besides those of the group.

    Returns:
        ``group``, ``option``, ``rounds``, ``value`` (geometric mean, with ``ci_low`` and ``ci_high``), ``fastest``
        (bool), ``over_fastest`` (ratio to the fastest, with its own 95% interval), ``q_value`` of that ratio,
        ``slower`` (bool), ``verdict`` (wins, slower or ``OPEN``; alone where the group has one option) and
        ``near_best`` (1 or 0; missing where no other option shares five rounds with it).
    """
    keys = [*group, option]
    table = geometric_means_by(logs, keys)
    first = fastest(table, group)[keys]
    pairs = both_ways(
        pairwise(logs, group, option, flagged=flagged, bimodal=bimodal, family=family, within=within), option
    )
    table = table.merge(first.assign(fastest=True), on=keys, how="left")
    table["fastest"] = table["fastest"].notna()
    rivals = pairs.merge(first.rename(columns={option: "rival"}), on=[*group, "rival"])
    for part in (_over_fastest(logs, first, [*group, *within, "round"], keys), rivals[[*keys, "q_value"]]):
        table = table.merge(part, on=keys, how="left")
    table["slower"] = (table["q_value"] <= FALSE_DISCOVERY_RATE) & (table["over_fastest"] > 1)
    table = table.merge(_near_best(pairs, group, option), on=keys, how="left")
    return table.assign(verdict=_verdicts(table, group))


def fastest(estimates: pd.DataFrame, group: Sequence[str], value: str = "value") -> pd.DataFrame:
    """Return each group's row with the shortest estimate, the first of equals."""
    return estimates.loc[estimates.groupby(list(group), dropna=False)[value].idxmin()]


def over_best(table: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Return ``keys``, ``over_best`` with its ends, and ``near_best`` of ``standings``, as the CSVs call them."""
    ends = {f"over_fastest{end}": f"over_best{end}" for end in ("", "_ci_low", "_ci_high")}
    return table.rename(columns=ends)[[*keys, *ends.values(), "near_best"]]


def pairwise(
    logs: pd.DataFrame,
    group: Sequence[str],
    option: str,
    *,
    flagged: pd.DataFrame | None = None,
    bimodal: pd.DataFrame | None = None,
    family: Sequence[str] = (),
    within: Sequence[str] = (),
) -> pd.DataFrame:
    """Return every two options of a group: the logarithm of the ratio of ``one`` to ``other``, and if it is decided.

    Arguments are those of ``standings``.

    Returns:
        ``group``, ``one``, ``other``, ``rounds``, ``value`` (mean of the log ratios), ``deviation``, ``ci_low``,
        ``ci_high`` (each by itself 95%), ``usable`` (neither is flagged), ``q_value`` (NaN below five rounds, and where
        one is flagged) and ``decided``.
    """
    same, pair = [*group, *within, "round"], [*group, "one", "other"]
    kept = logs[[*same, option, "log", *({BY_BLOCK} & set(logs.columns))]]
    both = kept.merge(kept, on=same, suffixes=("_one", "_other"))
    both = both.rename(columns={f"{option}_one": "one", f"{option}_other": "other"})
    both = both[both["one"] < both["other"]]
    both = both.assign(log=log_ratios(both, "_one", "_other"))
    table = moments_by(both, pair)
    count, centre, deviation = (table[name].to_numpy(dtype=float) for name in ("rounds", "value", "deviation"))
    p_value = minimum_effect(centre, deviation / np.sqrt(count), np.maximum(count - 1, 1), 0.0)
    if bimodal is not None and not bimodal.empty:
        mixed = _holds(bimodal, table, group, option)
        p_value = np.where(mixed, _sign_p_values(both, table, pair), p_value)
    usable = np.ones(len(table), dtype=bool)
    if flagged is not None and not flagged.empty:
        usable = ~_holds(flagged, table, group, option)
    tested = usable & (count >= MIN_ROUNDS)
    table = with_ends(table).assign(usable=usable, p_value=np.where(tested, p_value, np.nan))
    if family:
        q_value = table.groupby(list(family), dropna=False)["p_value"].transform(lambda part: q_values(part.to_numpy()))
    else:
        q_value = pd.Series(q_values(table["p_value"].to_numpy(dtype=float)), index=table.index)
    return table.drop(columns="p_value").assign(q_value=q_value, decided=q_value <= FALSE_DISCOVERY_RATE)


def both_ways(pairs: pd.DataFrame, option: str) -> pd.DataFrame:
    """Return every pair of ``pairwise`` twice: as ``option`` over ``rival``, and inverted."""
    straight = pairs.drop(columns=["ci_low", "ci_high"])
    inverted = straight.assign(value=-straight["value"]).rename(columns={"one": "rival", "other": option})
    return pd.concat([straight.rename(columns={"one": option, "other": "rival"}), inverted], ignore_index=True)


def _over_fastest(logs: pd.DataFrame, first: pd.DataFrame, same: list[str], keys: list[str]) -> pd.DataFrame:
    """Return each option's ratio to its group's fastest one (sums over all pairs round the last bit differently)."""
    reference = logs.merge(first, on=keys)[[*same, "log", *({BY_BLOCK} & set(logs.columns))]]
    paired = logs.merge(reference, on=same, suffixes=("", "_fastest"))
    paired = paired.assign(log=log_ratios(paired, "", "_fastest"))
    return named(geometric_means_by(paired, keys), "over_fastest").drop(columns="rounds")


def _near_best(pairs: pd.DataFrame, group: Sequence[str], option: str) -> pd.DataFrame:
    """Return ``near_best`` of every option that has a pair."""
    keys = [*group, option]
    others = pairs.groupby(keys, dropna=False)["rival"].transform("size").to_numpy(dtype=float)
    low = with_ends(pairs, outside=(1 - CONFIDENCE) / others)["ci_low"]  # NaN below five rounds
    enough = pairs["rounds"] >= MIN_ROUNDS
    marked = pairs[keys].assign(left_out=(low > np.log(NEAR)) & pairs["usable"], enough=enough)
    found = marked.groupby(keys, dropna=False, sort=False)[["left_out", "enough"]].any().reset_index()
    kept = (~found["left_out"].astype(bool)).astype("Int64").where(found["enough"].astype(bool))
    return found[keys].assign(near_best=kept)


def _verdicts(table: pd.DataFrame, group: Sequence[str]) -> pd.Series[str]:
    groups = [table[name] for name in group]
    rivals = (~table["fastest"] & ~table["slower"]).groupby(groups, dropna=False).transform("sum")
    alone = table["fastest"].groupby(groups, dropna=False).transform("size") == 1
    of_fastest = np.where(alone, "alone", np.where(rivals == 0, "wins", OPEN))
    verdicts = np.where(table["fastest"], of_fastest, np.where(table["slower"], "slower", OPEN))
    return pd.Series(verdicts, index=table.index, dtype="string")


def _holds(
    points: pd.DataFrame, pairs: pd.DataFrame, group: Sequence[str], option: str
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Whether one side of each pair is among these options."""
    found = np.zeros(len(pairs), dtype=bool)
    wanted = points[[*group, option]].drop_duplicates()
    for side in ("one", "other"):
        keys = pairs[[*group, side]].rename(columns={side: option})
        found |= (keys.merge(wanted, how="left", indicator=True)["_merge"] == "both").to_numpy()
    return found


def _sign_p_values(both: pd.DataFrame, table: pd.DataFrame, pair: list[str]) -> np.ndarray[Any, Any]:
    """Return the two-sided p of the sign test of each pair."""
    signs = both[pair].assign(above=both["log"] > 0, below=both["log"] < 0)
    counts = table[[*pair, "rounds"]].merge(signs.groupby(pair, dropna=False).sum().reset_index(), on=pair)
    most = counts[["above", "below"]].max(axis=1)
    return np.array([
        min(1.0, 2 * sign_p(int(rounds - majority), int(rounds)))
        for rounds, majority in zip(counts["rounds"], most, strict=True)
    ])  # fmt: skip


class Standing(NamedTuple):
    """How one option stands: the row of ``standings`` for whoever chooses between a few cells.

    ``paired``: whether a round has both it and the fastest. ``near_best`` is None where that is not known.
    """

    value: float
    fastest: bool
    paired: bool
    slower: bool
    near_best: bool | None

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Standing:
        """Take it from a record of ``standings``."""
        return cls(
            value=float(row["value"]),
            fastest=bool(row["fastest"]),
            paired=bool(pd.notna(row["over_fastest"])),
            slower=bool(row["slower"]),
            near_best=None if pd.isna(row["near_best"]) else bool(row["near_best"]),
        )


def cell_standings(rounds: Rounds, keys: Sequence[Key], *, bimodal: Collection[Key] = ()) -> dict[Key, Standing]:
    """Return how cells of a run stand that are the options of one choice; cells without rounds are left out."""
    return choice_standings(rounds, [keys], bimodal=bimodal)[0]


def choice_standings(
    rounds: Rounds, choices: Sequence[Sequence[Key]], *, bimodal: Collection[Key] = ()
) -> list[dict[Key, Standing]]:
    """Return how the options of each choice stand, computed together; each choice is a family of its own.

    Flagged cells decide nothing, cells of two merged runs are not paired, and cells without rounds are left out.
    """
    found: list[dict[Key, Standing]] = [{} for _ in choices]
    options = pd.DataFrame(
        [(choice, place) for choice, keys in enumerate(choices) for place in range(len(keys))],
        columns=["choice", "option"],
    )
    keys = [key for choice in choices for key in choice]
    logs = rounds.frame(keys)
    if logs.empty:
        return found
    logs = options.take(logs["place"].tolist()).reset_index(drop=True).assign(**logs.drop(columns="place"))
    flagged, modes = (
        options[np.array([bool(is_so(key)) for key in keys])] for is_so in (rounds.flag, set(bimodal).__contains__)
    )
    within, family = ["run_id"], ["choice"]
    table = standings(logs, family, "option", flagged=flagged, bimodal=modes, within=within, family=family)
    for row in table.to_dict("records"):
        found[row["choice"]][choices[row["choice"]][row["option"]]] = Standing.of(row)
    return found
