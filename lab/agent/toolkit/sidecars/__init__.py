"""Sidecars: servers for scenarios that need a second machine. A sidecar is a module here with ``serve(settings)``.

For a target in a container, the host starts the sidecar in a second container on a private network. Otherwise the
scenario starts it as a process on loopback (``Local``). Both run ``python -I FOLDER`` with ``FLAG`` and its name.
"""

from __future__ import annotations

import json
import os

from lab.agent import interpreter

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from typing import Any, Dict

SETTINGS_VARIABLE = "COMPARISON_LAB_COMPANION"
FLAG = "--companion"  # word-ok: the agent's command line
LOOPBACK = "127.0.0.1"


def run(name: str) -> None:
    """Serve until killed, with the settings (host, port, authkey in hexadecimal) from the environment."""
    import importlib

    importlib.import_module("lab.agent.toolkit.sidecars.%s" % name).serve(json.loads(os.environ.pop(SETTINGS_VARIABLE)))


def announce(**facts: Any) -> None:
    """Print the address as a line of JSON, which ``Local`` reads; in a container nobody reads it."""
    os.write(1, (json.dumps(facts) + "\n").encode())


class Local:
    """A context manager for a sidecar in a process on loopback; it gives the sidecar's settings."""

    def __init__(self, name: str) -> None:
        import subprocess
        import sys

        settings = {"host": LOOPBACK, "port": 0, "authkey": os.urandom(16).hex()}
        self._process: subprocess.Popen[bytes] = subprocess.Popen(
            interpreter.command(sys.argv[0], FLAG, name),
            stdout=subprocess.PIPE,
            env={**os.environ, SETTINGS_VARIABLE: json.dumps(settings)},
        )
        self._settings = settings

    def __enter__(self) -> Dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the sidecar ended with code %s before it listened" % self._process.wait())
        return {**self._settings, **json.loads(line)}

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
