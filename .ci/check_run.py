"""Is this folder what a smoke run must leave? Standard library only: ``python .ci/check_run.py RUN``."""

import csv
import json
import sys
from pathlib import Path

FILES = ("manifest.json", "samples.csv", "summary.csv", "claims.csv", "scaling.csv", "report.md", "index.html")


def complaints(folder: Path) -> list[str]:
    """What is wrong with the folder, a sentence each."""
    missing = [f"{name} is missing" for name in FILES if not (folder / name).is_file()]
    if missing:
        return missing
    with (folder / "samples.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    in_containers = [row for row in rows if row["engine"] in {"docker", "podman"} and row["status"] == "ok"]
    versions = {row["python"] for row in in_containers}
    limits = {(row["cpu_mode"], row["cpus_observed"]) for row in in_containers}
    bad = sorted({row["status"] for row in rows} - {"ok", "unsupported"})
    off = [row for row in in_containers if row["cpus_requested"] != row["cpus_observed"]]
    page = (folder / "index.html").read_text(encoding="utf-8")
    checks = {
        f"samples of at least two Python versions in containers, not of {sorted(versions)}": len(versions) >= 2,
        f"samples of at least two limits, not of {sorted(limits)}": len(limits) >= 2,
        f"no sample with status {bad}": not bad,
        f"the limits that were requested, but {len(off)} rows differ": not off,
        "a native target": any(row["engine"] == "none" and row["status"] == "ok" for row in rows),
        "figures as SVG and PNG": {path.suffix for path in (folder / "figures").iterdir()} >= {".svg", ".png"},
        "a page that loads nothing from elsewhere": 'src="http' not in page and 'href="http' not in page,
        "the split of the wall time": json.loads((folder / "manifest.json").read_text())["split"]["wall_s"] > 0,
    }
    return [f"expected {what}" for what, holds in checks.items() if not holds]


if __name__ == "__main__":
    found = complaints(Path(sys.argv[1]))
    print("\n".join(found) or f"{sys.argv[1]} is a complete smoke run")
    sys.exit(bool(found))
