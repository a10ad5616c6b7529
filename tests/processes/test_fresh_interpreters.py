"""What an import takes and what it must not: asked of interpreters of their own, for this one has long imported all."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import msgspec

from lab.agent.toolkit.channels import MODULES

REPOSITORY = Path(__file__).resolve().parents[2]


def ask(code: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run code in an interpreter that finds the lab after its own library."""
    path = f"import sys; sys.path.append({str(REPOSITORY)!r})"
    command = [sys.executable, "-I", *options, "-c", f"{path}\n{code}"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_labs_own_folder_is_not_taken_for_the_sdk(tmp_path: Path) -> None:
    shutil.copytree(Path(msgspec.__file__).parent, tmp_path / "msgspec")  # all that is installed there
    installed = f"sys.path.append({str(tmp_path)!r})"
    done = ask(f"{installed}\nfrom lab.targets.engine.endpoints import sdk; sdk()", "-S")
    assert "NothingToRunOn: the Docker SDK for Python is not installed" in done.stderr


def test_importing_the_module_does_not_import_the_sdk() -> None:
    done = ask("import lab.targets.engine, lab.targets.images; print('docker' in sys.modules)")
    assert done.stdout.strip() == "False", done.stderr


def test_a_cell_loads_the_module_of_its_own_mechanism_only() -> None:
    done = ask("from lab.agent.scenario import load; load('ipc.round_trip'); print(*sys.modules)", "-S")
    loaded = set(done.stdout.split())
    assert "lab.agent.scenarios.ipc.round_trip" in loaded, done.stderr
    assert not {f"lab.agent.toolkit.channels.{module}" for module in MODULES.values()} & loaded
    assert not {"multiprocessing", "socket", "ctypes", "typing", "tempfile"} & loaded
