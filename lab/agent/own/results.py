"""Keeps the serial results of the items, and compares those of a pool with them."""

from __future__ import annotations

import math
import os
import pickle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Sequence

KEPT_BYTES = 256 << 20  # what is compared must fit the memory and the disk beside the user's own data
SHOWN = 80  # characters of a value in a message
RELATIVE, ABSOLUTE = 1e-9, 1e-12  # of math.isclose, for --check approx


def keep(path: str, results: Dict[int, Any]) -> int:
    """Write as many results as fit, by index; how many. Those that cannot be pickled are left out."""
    kept, size = {}, 0
    for index, result in results.items():
        try:
            data = pickle.dumps(result)
        except Exception:  # noqa: S112 - the reading by processes says why
            continue
        if size + len(data) > KEPT_BYTES:
            break
        size += len(data)
        kept[index] = data
    with open(path, "wb") as file:
        pickle.dump(kept, file)
    return len(kept)


def first_difference(path: str, indexes: Sequence[int], results: List[Any], check: str) -> Optional[str]:
    """A sentence about the first result that is not the serial one's, or None."""
    if check == "none":
        return None
    if len(results) != len(indexes):
        return "%d items gave %d results" % (len(indexes), len(results))
    if not os.path.exists(path):
        return "the serial results are missing, so nothing can be compared"
    with open(path, "rb") as file:
        kept: Dict[int, bytes] = pickle.load(file)  # noqa: S301 - this target's own file, made by the serial pass
    for index, result in zip(indexes, results):
        if index in kept:
            expected = pickle.loads(kept[index])  # noqa: S301 - as above
            if not equal(expected, result, check == "approx"):
                return "item %d gives %s and not %s" % (index, shown(result), shown(expected))
    return None


def equal(one: Any, other: Any, approx: bool = False) -> bool:  # noqa: PLR0911 - one return per type
    """Whether two results are equal: by ``==``, or with ``approx`` numbers inside of them within 1e-9.

    Two NaN are equal. Where ``==`` gives an array, all of it must be true.
    """
    if isinstance(one, float) and isinstance(other, float):
        close = math.isclose(one, other, rel_tol=RELATIVE, abs_tol=ABSOLUTE) if approx else one == other
        return close or (one != one and other != other)  # noqa: PLR0124 - NaN is what differs from itself
    if isinstance(one, complex) and isinstance(other, complex):
        return equal(one.real, other.real, approx) and equal(one.imag, other.imag, approx)
    if isinstance(one, (list, tuple)) and type(one) is type(other):
        return len(one) == len(other) and all(equal(a, b, approx) for a, b in zip(one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(value, other[key], approx) for key, value in one.items())
    if hasattr(one, "tolist") and hasattr(other, "tolist"):
        if getattr(one, "shape", None) != getattr(other, "shape", None):
            return False
        return equal(one.tolist(), other.tolist(), approx)
    same = one == other
    if approx and not same and hasattr(one, "__float__") and hasattr(other, "__float__"):
        return equal(float(one), float(other), approx)
    return bool(same)


def shown(value: Any) -> str:
    """The repr of a value, cut."""
    text = repr(value).replace("\n", " ")
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."
