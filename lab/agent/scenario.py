"""How a scenario declares itself, how scenarios are found, and how axes become cases.

Adding a scenario is one file below ``lab/agent/scenarios/FAMILY/``: a function with this decorator, named as the file.
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

# Axis values that depend on the target: its number of CPUs, twice as many, and every count up to that.
N, TWICE_N, UP_TO_TWICE_N = "N", "2N", "1..2N"


# Where the values of an axis cannot be had, whatever the scenario.
AXIS_LIMITS: Dict[str, Dict[str, Sequence[str]]] = {
    "start_method": {"on Windows": ("fork", "forkserver")},
    "placement": {
        "on macOS (no affinity)": ("same_cpu", "cross_cpu", "cross_cpu_awake"),
        "on Windows": ("cross_cpu_awake",),
        "on one CPU": ("cross_cpu", "cross_cpu_awake"),
    },
}


NATURAL = "natural"  # in a view: the value that an axis has where nothing else is said


class View:
    """How the values of a scenario are drawn: plain data that the report reads; ``View()`` suits most scenarios.

    ``engine``: "dots" (a row per name, a dot with its interval per Python version), "lines" (over the axis ``x``) or
    "heat" (``x`` by ``names``, each value over the best of its row). Rows of summary.csv are chosen by ``metrics``,
    ``operations`` and ``where`` (axis -> values; an axis that does not apply passes), of all targets or of the
    "largest" of each version. Axes, ``operation`` and ``metric`` among them, become names (none: those that vary) or
    ``facets``, a panel per value; ``hollow`` is an axis with the two values that are drawn filled and hollow, in words.
    ``order``: "declared" or "value", the smallest on top.

    The title is the scenario's question unless there is another, the subtitle says the ``measure`` and which direction
    is ``better``. ``unit`` follows the unit of the values at the axis ("per task"); ``share_of`` names a column of
    which the values are the per cent. ``words`` replace values of axes, an empty one leaves its value out; ``terms``
    are explained at the foot where they are shown, the ``note`` always. ``lone`` is the figure that shows what was
    measured at a single ``x``; ``crossings`` marks where the best mechanism changes. ``place`` orders the figures of a
    section. ``name`` is that of the file: the scenario's where there is none.
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


class Scenario:
    """One question, the axes along which it is asked, and the function that answers it for one case.

    ``shape`` turns one combination of axis values into the case that is measured, or None where the combination makes
    no sense (a serial run has no second worker); equal results are one case. A value None is "not applicable".
    ``natural`` gives the value of an axis that is left out of a case's id. ``needs`` returns a reason why a case cannot
    run on this target, or None. It runs inside the target. ``requires`` and ``unsupported`` say for ``lab list`` what
    it needs beside Python and where it cannot run; what follows from its axes (start methods, placements) need not be
    said there. ``article`` is the section that it answers of the tutorial behind most claims, if any. ``view`` says how
    it is drawn: a ``View`` or several, or the name of a figure of lab/report/figures that shows it; without one its
    axes decide. ``companion`` names the module of ``lab.agent.toolkit.sidecars`` that a case needs in a container of
    its own, or None.

    ``profiles`` says what the profiles of ``lab/profiles.toml`` measure of it: name of a profile -> axis -> values, and
    ``only`` -> patterns of case ids, separated by blanks, of which one must match ({N} and {2N} are the target's CPUs
    and twice as many). An axis that is not named takes the profile's values. Three more keys hold such a table for some
    targets, which goes over the rest: ``quota`` (targets under a quota, where one sample takes a second) and ``repeat``
    (targets that repeat a larger one, in a profile that narrows them), without which nothing of it is measured there;
    and ``windows``, values that Windows takes in addition. A profile that is not named takes few cases, by a rule.
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
        companion: Optional[Callable[[Values], Optional[str]]],
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
        self.companion = companion
        self.estimate_s = estimate_s
        self.profiles = profiles
        self._shape = shape
        self._natural = natural
        self._unsupported = unsupported

    @property
    def unsupported(self) -> str:
        """Where it or some of its cases cannot run, in words: what it declares, and what follows from its axes."""
        found = [self._unsupported] if self._unsupported else []
        for axis, limits in AXIS_LIMITS.items():
            for where, values in limits.items():
                out = [value for value in values if value in self.axes.get(axis, ())]
                if out:
                    found.append("%s: %s" % (", ".join(out), where))
        return "; ".join(found)

    @property
    def figures(self) -> List[str]:
        """The names of the figures that show it, the most telling first."""
        own = self.name.replace(".", "_")
        return [view if isinstance(view, str) else view.name or own for view in self.views]

    def natural(self, axis: str, values: Values) -> Any:
        """The value of an axis that goes without saying beside these values, or None."""
        return self._natural(axis, values) if self._natural else None

    def cases(self, chosen: Mapping[str, Sequence[Any]], cpus: int) -> Dict[str, Values]:
        """Case id -> axis values, for the ``chosen`` values of each axis (all of them where an axis is not named)."""
        value_lists = [expand(chosen.get(axis, values), cpus) for axis, values in self.axes.items()]
        found: Dict[str, Values] = {}
        for combination in itertools.product(*value_lists):
            values: Optional[Values] = dict(zip(self.axes, combination))
            if self._shape and values is not None:
                values = self._shape(values)
            if values is not None:
                found.setdefault(self.case_id(values), values)
        return found

    def case_id(self, values: Values) -> str:
        """The label of a case: its values in the order of the axes, without the natural and the not applicable."""
        parts = []
        for axis in self.axes:
            value = values.get(axis)
            if value is not None and not (self._natural and value == self._natural(axis, values)):
                parts.append(str(value))
        return "-".join(parts)


def expand(values: Sequence[Any], cpus: int) -> List[Any]:
    """The values with those that depend on the target's CPU count filled in, each once, in their order."""
    found: List[Any] = []
    for value in values:
        if value == N:
            found.append(cpus)
        elif value == TWICE_N:
            found.append(2 * cpus)
        elif value == UP_TO_TWICE_N:
            found.extend(range(1, 2 * cpus + 1))
        else:
            found.append(value)
    return list(dict.fromkeys(found))


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
    companion: Optional[Callable[[Values], Optional[str]]] = None,
    estimate_s: float = 0.2,
    profiles: Optional[Mapping[str, Mapping[str, Any]]] = None,
) -> Callable[[Run], Scenario]:
    """Declare a scenario; see ``Scenario``. ``estimate_s`` is a first guess of one cell's duration, for planning."""

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
            companion=companion,
            estimate_s=estimate_s,
            profiles=profiles or {},
        )

    return declare


def load(name: str) -> Scenario:
    """The scenario ``family.name`` out of its file, without importing any other.

    Raises:
        LookupError: there is no such scenario.
    """
    family, _, short = name.partition(".")
    try:
        module = importlib.import_module("lab.agent.scenarios.%s.%s" % (family, short))
        found = getattr(module, short)
    except (ImportError, AttributeError) as error:
        raise LookupError("no scenario %r here (%s)" % (name, error)) from None
    if not isinstance(found, Scenario):
        raise LookupError("%r is no scenario" % name)  # noqa: TRY004 - as for a name without a file
    return found


def discover() -> Dict[str, Scenario]:
    """Every scenario of this lab by name, in the order of their names. Called, never at import."""
    import pkgutil

    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scenarios")
    names = [
        "%s.%s" % (family.name, module.name)
        for family in pkgutil.iter_modules([root])
        for module in pkgutil.iter_modules([os.path.join(root, family.name)])
    ]
    return {name: load(name) for name in sorted(names)}
