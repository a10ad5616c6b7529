"""The CSVs of a run as a Data Package: a Table Schema for each (specs.frictionlessdata.io)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lab import __version__
from lab.errors import UsageError
from lab.tables import schema

if TYPE_CHECKING:
    from lab.comparisons.sides import Side

TABLES = {
    "samples": schema.SAMPLES, "summary": schema.SUMMARY, "conditions": schema.CONDITIONS, "canary": schema.CANARIES,
    "scaling": schema.SCALING, "speedup": schema.SPEEDUP, "pool_sizes": schema.POOL_SIZES,
    "ipc_cost": schema.IPC_COST, "ipc_crossings": schema.IPC_CROSSINGS, "ipc_sizes": schema.IPC_SIZES,
    "claims": schema.CLAIMS,
}  # fmt: skip
COMPARISONS = "comparisons"  # the folder of the comparisons of the run's own targets
TYPES = {"string": "string", "Int64": "integer", "float64": "number"}


def encode(side: Side) -> bytes:
    """The description of every CSV that stands in the run's folder.

    Raises:
        UsageError: the side is one target, or the folder has no CSV.
    """
    if side.target is not None:
        raise UsageError(f"a Data Package describes whole CSVs: name the run without @{side.target}")
    folder = side.run.path
    present = {f"{name}.csv": columns for name, columns in TABLES.items() if (folder / f"{name}.csv").is_file()}
    resources = [_resource(path.removesuffix(".csv"), path, columns) for path, columns in present.items()]
    resources += [
        _resource(f"comparison-{number}", f"{COMPARISONS}/{path.name}", schema.COMPARE)
        for number, path in enumerate(sorted((folder / COMPARISONS).glob("*.csv")), start=1)
    ]
    if not resources:
        raise UsageError(f"{folder} has no CSV; make them with: python -m lab report {folder}")
    package = {
        "name": "comparison-lab-run",
        "title": f"Run {side.run.id} of the comparison lab {__version__}",
        "profile": "tabular-data-package",
        "resources": resources,
    }
    return json.dumps(package, indent=1, ensure_ascii=False).encode() + b"\n"


def _resource(name: str, path: str, columns: tuple[schema.Column, ...]) -> dict[str, Any]:
    return {
        "name": name,
        "path": path,
        "profile": "tabular-data-resource",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "dialect": {"delimiter": ",", "lineTerminator": "\r\n", "quoteChar": '"', "doubleQuote": True, "header": True},
        "schema": {
            "fields": [
                {"name": column.name, "type": TYPES[column.dtype], "description": column.meaning} for column in columns
            ],
            "missingValues": [""],
        },
    }
