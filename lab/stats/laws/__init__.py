"""Laws of scaling: what they say, how they are fitted, which of them the data support, and where they are refused."""

from lab.stats.laws.choice import Law, choose
from lab.stats.laws.curve import fitted_curve

__all__ = ["Law", "choose", "fitted_curve"]
