"""Check that a folder is a complete smoke run, with the standard library only: ``python .ci/check_run.py RUN``."""

import csv
import json
import sys
from pathlib import Path

FILES = ("manifest.json", "samples.csv", "summary.csv", "claims.csv", "scaling.csv", "report.md", "index.html")


def complaints(folder: Path) -> list[str]:
    """List what is wrong with the folder, one sentence per problem."""
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
    split = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["split"]
    checks = {
        f"samples of at least two Python versions in containers, found {sorted(versions)}": len(versions) >= 2,
        f"samples of at least two CPU limits, found {sorted(limits)}": len(limits) >= 2,
        f"only samples with status ok or unsupported, found {bad}": not bad,
        f"the requested CPU limits in every container, found {len(off)} rows with others": not off,
        "samples of a native target": any(row["engine"] == "none" and row["status"] == "ok" for row in rows),
        "figures as SVG and PNG": {path.suffix for path in (folder / "figures").iterdir()} >= {".svg", ".png"},
        "a page that does not load anything from other addresses": 'src="http' not in page and 'href="http' not in page,
        "the split of the wall time in the manifest": split["wall_s"] > 0,
    }
    return [f"expected {what}" for what, holds in checks.items() if not holds]


if __name__ == "__main__":
    found = complaints(Path(sys.argv[1]))
    print("\n".join(found) or f"{sys.argv[1]} is a complete smoke run")
    sys.exit(bool(found))
