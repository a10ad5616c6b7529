"""Declaration and discovery of scenarios, and the expansion of their axes into cases.

A scenario is one file below ``lab/agent/scenarios/FAMILY/``. It holds a function that has the name of the file and the
decorator ``scenario``.
"""

from __future__ import annotations

import importlib
import itertools
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

    from lab.agent.case import Case

    Values = Dict[str, Any]
    Run = Callable[[Case], None]
    Views = Sequence[Union["View", str]]

# Axis values that depend on the target: its number of CPUs, twice that, and the worker counts of ``worker_ladder``, all
# of them or at most ``SHORT``.
N, TWICE_N, LADDER, SHORT_LADDER = "N", "2N", "ladder", "short ladder"
SHORT = 9


# axis -> where -> values of the axis that are not available there, in any scenario.
AXIS_LIMITS: Dict[str, Dict[str, Sequence[str]]] = {
    "start_method": {"on Windows": ("fork", "forkserver")},
    "placement": {
        "on macOS (no affinity)": ("same_cpu", "cross_cpu", "cross_cpu_awake", "smt_siblings"),
        "on Windows": ("cross_cpu_awake", "smt_siblings"),
        "on one CPU": ("cross_cpu", "cross_cpu_awake", "smt_siblings"),
        "on CPUs with one thread per core": ("smt_siblings",),
    },
}


NATURAL = "natural"  # in a view: the default value of an axis, see ``Scenario.natural``


class View:
    """Specification of a figure of a scenario: plain data that the report reads. ``View()`` suits most scenarios.

    ``engine`` is "dots" (one row per name, one dot with its interval per Python version), "lines" (over the axis
    ``x``) or "heat" (``x`` by ``names``, each value divided by the best of its row). ``metrics``, ``operations`` and
    ``where`` (axis -> values; an axis that does not apply to a row passes) select rows of summary.csv; ``targets``
    selects "all" targets or the "largest" of each version. ``names`` are the axes that name a row or line; they may
    include ``operation`` and ``metric`` (empty: those that vary). Each value of the ``facets`` gets a panel. ``hollow``
    is an axis with the legend texts of its two values, the first drawn filled and the second hollow. ``order`` is
    "declared" or "value", with the smallest value on top.

    ``title`` defaults to the scenario's question. The subtitle states the ``measure`` and which direction is
    ``better``. ``unit`` follows the values' unit at the axis ("per task"). ``share_of`` names a column: values are
    drawn as percentages of it. ``words`` replace values of axes; an empty text leaves the value out. ``terms`` are
    explained below the figure if they occur in it; the ``note`` is always shown. ``lone`` names the figure to use if
    only a single ``x`` was measured. ``crossings`` marks where the best mechanism changes. ``place`` orders the figures
    of a section. ``name`` is the figure's file name, by default derived from the scenario's name.
    """

    def __init__(
        self,
        engine: str = "dots",
        *,
        name: str = "",
        title: str = "",
        measure: str = "",
        better: str = "lower",
        unit: str = "per operation",
        metrics: Sequence[str] = ("wall_time",),
        operations: Sequence[str] = (),
        where: Optional[Mapping[str, Sequence[Any]]] = None,
        targets: str = "all",
        x: str = "",
        names: Sequence[str] = (),
        facets: Sequence[str] = (),
        hollow: Optional[Tuple[str, Mapping[str, str]]] = None,
        order: str = "declared",
        scale: str = "log",
        share_of: str = "",
        words: Optional[Mapping[str, str]] = None,
        terms: Optional[Mapping[str, str]] = None,
        note: str = "",
        lone: str = "",
        crossings: bool = False,
        place: int = 50,
    ) -> None:
        self.engine = engine
        self.name = name
        self.title = title
        self.measure = measure
        self.better = better
        self.unit = unit
        self.metrics = tuple(metrics)
        self.operations = tuple(operations)
        self.where = dict(where or {})
        self.targets = targets
        self.x = x
        self.names = tuple(names)
        self.facets = tuple(facets)
        self.hollow = hollow
        self.order = order
        self.scale = scale
        self.share_of = share_of
        self.words = dict(words or {})
        self.terms = dict(terms or {})
        self.note = note
        self.lone = lone
        self.crossings = crossings
        self.place = place


class Contrast:
    """Cells of a scenario whose values are divided by each other, and which are therefore measured close in time.

    The cells of a target that match ``where`` (axis, ``cpu_mode`` or ``least_cpus`` -> values) and agree in the axes
    ``same`` belong together. A ``baseline`` (axis -> values) selects those that the others are divided by; without one
    each is compared with each. ``operations`` are those whose precision decides when a cell has enough rounds. The
    cells of a ``law`` are fitted together, so that all of them get the same rounds. ``questions`` names the questions
    of ``lab.planning.contrasts`` that need these cells. A cell belongs to the first contrast that matches it and
    compares anything, and answers the questions of all.
    """

    def __init__(
        self,
        *same: str,
        where: Optional[Mapping[str, Sequence[Any]]] = None,
        baseline: Optional[Mapping[str, Sequence[Any]]] = None,
        operations: Sequence[str] = (),
        questions: Sequence[str] = (),
        law: bool = False,
    ) -> None:
        self.same = same
        self.where = dict(where or {})
        self.baseline = dict(baseline or {})
        self.operations = tuple(operations)
        self.questions = tuple(questions)
        self.law = law


class Scenario:
    """One question, its axes, and the function that measures one case.

    ``shape`` turns one combination of axis values into the case to measure, or into None if the combination makes no
    sense (serial work has no second worker); equal results are one case. The value None means "not applicable".
    ``natural`` returns the default value of an axis, which is left out of the case's id. ``needs`` runs inside the
    target; it returns a reason why a case cannot run there, or None. ``requires`` and ``unsupported`` describe for
    ``lab list`` what the scenario needs besides Python and where it cannot run; limits that follow from its axes (start
    methods, placements) are added automatically. ``article`` is the section of the tutorial behind most claims that the
    scenario examines, if any. ``view`` is a ``View``, several of them, or the name of a figure of lab/report/figures;
    without it the axes determine the figure. ``contrasts`` declare what is divided by what. ``sidecar`` returns the
    name of the module of ``lab.agent.toolkit.sidecars`` that a case needs in a container of its own, or None.

    ``profiles`` selects the cases of each profile of ``lab/profiles.toml``: name of a profile -> axis -> values, and
    ``only`` -> patterns of case ids, separated by blanks, of which one must match ({N} and {2N} are the target's number
    of CPUs and twice that). An axis that is not named takes the profile's values. Three more keys hold such a table for
    some targets, and override the rest: ``quota`` (targets under a quota, where one sample takes a second) and
    ``repeat`` (targets that repeat a larger one, in profiles that narrow them), without which the scenario is not
    measured on those targets; and ``windows``, for values that are measured on Windows in addition. For a profile that
    is not named, a rule selects a few cases.
    """

    def __init__(
        self,
        run: Run,
        *,
        name: str,
        family: str,
        question: str,
        axes: Mapping[str, Sequence[Any]],
        view: Union[View, str, Views],
        source: str,
        article: str,
        shape: Optional[Callable[[Values], Optional[Values]]],
        natural: Optional[Callable[[str, Values], Any]],
        needs: Optional[Callable[[Values], Optional[str]]],
        requires: str,
        unsupported: str,
        sidecar: Optional[Callable[[Values], Optional[str]]],
        contrasts: Sequence[Contrast],
        estimate_s: float,
        profiles: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self.run = run
        self.name = name
        self.family = family
        self.question = question
        self.axes = {axis: tuple(values) for axis, values in axes.items()}
        self.views: Views = (view or View(),) if isinstance(view, (View, str)) else tuple(view) or (View(),)
        self.source = source
        self.article = article
        self.summary = (importlib.import_module(run.__module__).__doc__ or "").strip().partition("\n")[0]
        self.needs = needs
        self.requires = requires
        self.sidecar = sidecar
        self.contrasts = tuple(contrasts)
        self.estimate_s = estimate_s
        self.profiles = profiles
        self._shape = shape
        self._natural = natural
        self._unsupported = unsupported
        self._cases: Dict[Tuple[Any, ...], Dict[str, Values]] = {}  # values of each axis -> cases

    @property
    def unsupported(self) -> str:
        """Description of where the scenario or some of its cases cannot run: as declared, and as its axes imply."""
        found = [self._unsupported] if self._unsupported else []
        for axis, limits in AXIS_LIMITS.items():
            for where, values in limits.items():
                out = [value for value in values if value in self.axes.get(axis, ())]
                if out:
                    found.append("%s: %s" % (", ".join(out), where))
        return "; ".join(found)

    @property
    def figures(self) -> List[str]:
        """Names of the figures that show the scenario, the most important first."""
        own = self.name.replace(".", "_")
        return [view if isinstance(view, str) else view.name or own for view in self.views]

    def natural(self, axis: str, values: Values) -> Any:
        """Default value of an axis, which the case's id leaves out, given the other values; None if it has none."""
        return self._natural(axis, values) if self._natural else None

    def matches(self, where: Mapping[str, Sequence[Any]], values: Values, cpus: int) -> bool:
        """Whether a case has one of the wanted values of each axis; an axis that does not apply to it passes."""
        for axis, wanted in where.items():
            value = values.get(axis)
            natural = NATURAL in wanted and value == self.natural(axis, values)
            if value is not None and not natural and value not in expand(wanted, cpus):
                return False
        return True

    def cases(self, chosen: Mapping[str, Sequence[Any]], cpus: int) -> Dict[str, Values]:
        """Case id -> axis values, for the ``chosen`` values of each axis (all values of an axis that is not named)."""
        value_lists = tuple(tuple(expand(chosen.get(axis, values), cpus)) for axis, values in self.axes.items())
        if value_lists not in self._cases:  # the same for most targets of a plan
            self._cases[value_lists] = self._expand(value_lists)
        return {case: dict(values) for case, values in self._cases[value_lists].items()}

    def _expand(self, value_lists: Sequence[Sequence[Any]]) -> Dict[str, Values]:
        found: Dict[str, Values] = {}
        for combination in itertools.product(*value_lists):
            values: Optional[Values] = dict(zip(self.axes, combination))
            if self._shape and values is not None:
                values = self._shape(values)
            if values is not None:
                found.setdefault(self.case_id(values), values)
        return found

    def case_id(self, values: Values) -> str:
        """Label of a case: its values in the order of the axes, without default values and inapplicable axes."""
        parts = []
        for axis in self.axes:
            value = values.get(axis)
            if value is not None and not (self._natural and value == self._natural(axis, values)):
                parts.append(str(value))
        return "-".join(parts)


def expand(values: Sequence[Any], cpus: int) -> List[Any]:
    """Replace values that depend on the target's number of CPUs; return each value once, in the given order."""
    found: List[Any] = []
    for value in values:
        if value == N:
            found.append(cpus)
        elif value == TWICE_N:
            found.append(2 * cpus)
        elif value in (LADDER, SHORT_LADDER):
            found.extend(worker_ladder(cpus, SHORT if value == SHORT_LADDER else 0))
        else:
            found.append(value)
    return list(dict.fromkeys(found))


def worker_ladder(cpus: int, most: int = 0) -> List[int]:
    """Worker counts 1 2 3 4 6 8 12 16 ... up to twice the CPUs, with the CPUs and twice of them; ``most``, if not 0.

    Each step is a factor of 1.5 at most, as curves over workers are drawn and fitted on a logarithmic axis. A short
    ladder keeps 1, 2, N and 2N and leaves out, one by one, the count that leaves the smallest gap. Between N/2 and 2N,
    where a curve bends, a gap weighs four times as much.
    """
    powers = [1 << exponent for exponent in range((2 * cpus).bit_length())]
    steps = {step for power in powers for step in (power, 3 * power // 2)}
    found = sorted({step for step in steps if step <= 2 * cpus} | {cpus, 2 * cpus})
    kept = (1, 2, cpus, 2 * cpus)

    def gap(index: int) -> float:
        ratio = found[index + 1] / found[index - 1]
        return float(ratio**4 if 2 * found[index] >= cpus else ratio)

    while most and len(found) > max(most, len(kept)):
        del found[min((index for index, count in enumerate(found) if count not in kept), key=gap)]
    return found


def scenario(
    *,
    family: str,
    question: str,
    axes: Mapping[str, Sequence[Any]],
    source: str,
    view: Union[View, str, Views] = (),
    article: str = "",
    shape: Optional[Callable[[Values], Optional[Values]]] = None,
    natural: Optional[Callable[[str, Values], Any]] = None,
    needs: Optional[Callable[[Values], Optional[str]]] = None,
    requires: str = "",
    unsupported: str = "",
    sidecar: Optional[Callable[[Values], Optional[str]]] = None,
    contrasts: Sequence[Contrast] = (),
    estimate_s: float = 0.2,
    profiles: Optional[Mapping[str, Mapping[str, Any]]] = None,
) -> Callable[[Run], Scenario]:
    """Declare a scenario; see ``Scenario``. ``estimate_s`` is a first estimate of one cell's duration, for planning."""

    def declare(run: Run) -> Scenario:
        return Scenario(
            run,
            name="%s.%s" % (family, run.__name__),
            family=family,
            question=question,
            axes=axes,
            view=view,
            source=source,
            article=article,
            shape=shape,
            natural=natural,
            needs=needs,
            requires=requires,
            unsupported=unsupported,
            sidecar=sidecar,
            contrasts=contrasts,
            estimate_s=estimate_s,
            profiles=profiles or {},
        )

    return declare


def load(name: str) -> Scenario:
    """Load the scenario ``family.name`` from its file, without importing other scenarios.

    Raises:
        LookupError: the file does not exist or does not declare the scenario.
    """
    family, _, short = name.partition(".")
    try:
        module = importlib.import_module("lab.agent.scenarios.%s.%s" % (family, short))
        found = getattr(module, short)
    except (ImportError, AttributeError) as error:
        raise LookupError("the scenario %r cannot be loaded (%s)" % (name, error)) from None
    if not isinstance(found, Scenario):
        raise LookupError("%r is not a scenario" % name)  # noqa: TRY004 - as for a name without a file
    return found


def discover() -> Dict[str, Scenario]:
    """Load every scenario of the lab; return name -> scenario, sorted by name."""
    import pkgutil

    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scenarios")
    names = [
        "%s.%s" % (family.name, module.name)
        for family in pkgutil.iter_modules([root])
        for module in pkgutil.iter_modules([os.path.join(root, family.name)])
    ]
    return {name: load(name) for name in sorted(names)}
