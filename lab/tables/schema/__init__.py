"""The columns of every CSV of a run folder: name, dtype, meaning. The data dictionary is generated from them."""

from lab.tables.schema.columns import Column, Dtype, names
from lab.tables.schema.measured import AXIS_COLUMNS, CANARIES, CONDITIONS, IDENTITY, SAMPLES, UNITS
from lab.tables.schema.messages import IPC_COST, IPC_CROSSINGS, IPC_SIZES
from lab.tables.schema.scaling import COEFFICIENTS, POOL_SIZES, SCALING, SPEEDUP
from lab.tables.schema.verdicts import CLAIMS, COMPARE, MACHINES, SUMMARY

__all__ = [
    "AXIS_COLUMNS", "CANARIES", "CLAIMS", "COEFFICIENTS", "COMPARE", "CONDITIONS", "IDENTITY", "IPC_COST",
    "IPC_CROSSINGS", "IPC_SIZES", "MACHINES", "POOL_SIZES", "SAMPLES", "SCALING", "SPEEDUP",
    "SUMMARY", "UNITS", "Column", "Dtype", "names",
]  # fmt: skip
