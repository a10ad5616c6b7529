"""How a Python that this machine lacks can be had: the command that installs it, and ``--fetch``, which runs it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence

from lab.errors import UsageError
from lab.targets.images.catalogue import official_references

UV_TIMEOUT_S = 600.0  # a download of 30 MB


def remedy(key: str) -> str:
    """The commands that make a version available, as part of a sentence.

    Official images and Debian's packages have no free-threaded build.
    """
    ways = [f"install it with `{' '.join(uv_command(key))}`, or repeat the command with --fetch"]
    if key in official_references():
        ways.append(f"measure the official image: --image {key}={official_references()[key]}")
        if sys.platform == "linux":
            ways.append(f"on a Debian that has it: `apt-get install python{key} libpython{key}-stdlib`")
    else:
        ways.append(f"measure an image of yours: --image {key}=REF")
    return "; ".join(ways)


def uv_command(key: str) -> list[str]:
    """The command that installs this version by uv."""
    return ["uv", "python", "install", key]


def fetch(keys: Sequence[str], say: Callable[[str], None]) -> None:
    """Install these versions by uv, which puts them below the user's own folder.

    Raises:
        UsageError: uv was not found, or it could not install one of them.
    """
    uv = shutil.which("uv")
    if uv is None and keys:
        raise UsageError(
            f"--fetch needs uv to install Python {', '.join(keys)}, and uv is not on PATH; "
            "install uv (pip install uv), or leave out --fetch"
        )
    for key in keys:
        command = uv_command(key)
        say(f"{key}: {' '.join(command)}")
        try:
            done = subprocess.run(
                [str(uv), *command[1:]], capture_output=True, text=True, timeout=UV_TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired:
            raise UsageError(f"`{' '.join(command)}` took longer than {UV_TIMEOUT_S:g} s; run it by hand") from None
        if done.returncode:
            lines = [line.strip() for line in done.stderr.splitlines() if line.strip()] or ["no output"]
            raise UsageError(
                f"`{' '.join(command)}` failed ({lines[-1]}); check that uv reaches its source of Pythons, "
                "or leave out --fetch"
            )
