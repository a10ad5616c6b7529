"""How a scenario declares itself, how scenarios are found, and how axes become cases.

Adding a scenario is one file below ``lab/agent/scenarios/FAMILY/``: a function with this decorator, named as the file.
"""

from __future__ import annotations

import importlib
import itertools
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

    from lab.agent.case import Case

    Values = Dict[str, Any]
    Run = Callable[[Case], None]

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


class Scenario:
    """One question, the axes along which it is asked, and the function that answers it for one case.

    ``shape`` turns one combination of axis values into the case that is measured, or None where the combination makes
    no sense (a serial run has no second worker); equal results are one case. A value None is "not applicable".
    ``natural`` gives the value of an axis that is left out of a case's id. ``needs`` returns a reason why a case cannot
    run on this target, or None. It runs inside the target. ``requires`` and ``unsupported`` say for ``lab list`` what
    it needs beside Python and where it cannot run; what follows from its axes (start methods, placements) need not be
    said there. ``companion`` names the module of ``lab.agent.toolkit.sidecars`` that a case needs in a container of its
    own, or None.
    """

    def __init__(
        self,
        run: Run,
        *,
        name: str,
        family: str,
        question: str,
        axes: Mapping[str, Sequence[Any]],
        view: str,
        source: str,
        article: str,
        shape: Optional[Callable[[Values], Optional[Values]]],
        natural: Optional[Callable[[str, Values], Any]],
        needs: Optional[Callable[[Values], Optional[str]]],
        requires: str,
        unsupported: str,
        companion: Optional[Callable[[Values], Optional[str]]],
        estimate_s: float,
    ) -> None:
        self.run = run
        self.name = name
        self.family = family
        self.question = question
        self.axes = {axis: tuple(values) for axis, values in axes.items()}
        self.view = view
        self.source = source
        self.article = article
        self.summary = (importlib.import_module(run.__module__).__doc__ or "").strip().partition("\n")[0]
        self.needs = needs
        self.requires = requires
        self.companion = companion
        self.estimate_s = estimate_s
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
    view: str,
    source: str,
    article: str = "",
    shape: Optional[Callable[[Values], Optional[Values]]] = None,
    natural: Optional[Callable[[str, Values], Any]] = None,
    needs: Optional[Callable[[Values], Optional[str]]] = None,
    requires: str = "",
    unsupported: str = "",
    companion: Optional[Callable[[Values], Optional[str]]] = None,
    estimate_s: float = 0.2,
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
