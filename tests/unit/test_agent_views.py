"""What a scenario declares of its figures exists."""

from __future__ import annotations

import pytest

from lab.agent.scenario import NATURAL, discover, expand, load


@pytest.mark.parametrize("name", discover())
def test_a_figure_names_only_axes_and_values_of_its_scenario(name: str) -> None:
    """With a misspelt axis a figure would merge rows or select none, and be drawn all the same."""
    found = load(name)
    for view in (view for view in found.views if not isinstance(view, str)):
        axis, kinds = view.hollow or ("operation", {})
        named = {axis, *view.names, *view.facets, *view.where, *filter(None, [view.x])}
        assert named <= {*found.axes, "operation", "metric", "cpu_mode"}
        for where, values in [*view.where.items(), (axis, kinds)]:
            if where in found.axes:
                assert set(values) <= {*expand(found.axes[where], 16), NATURAL}
