"""Laws of scaling: their curves, how they are fitted, and which of them the data support."""

from lab.stats.laws.choice import Law, choose
from lab.stats.laws.models import fitted_curve

__all__ = ["Law", "choose", "fitted_curve"]
