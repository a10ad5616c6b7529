"""The other side of a scenario that needs a second machine: ``python -I FOLDER --companion NAME``.

In containers the host starts it in a container of its own beside the agent's, on a private network; natively the
scenario starts it as a process of its own on loopback. A companion is a module here with ``serve(settings)``.
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
LOOPBACK = "127.0.0.1"


def run(name: str) -> None:
    """Serve until killed; the settings (host, port, authkey in hexadecimal) stand in the environment."""
    import importlib

    importlib.import_module("lab.agent.toolkit.sidecars.%s" % name).serve(json.loads(os.environ.pop(SETTINGS_VARIABLE)))


def announce(**facts: Any) -> None:
    """Tell who started it natively where it listens; in a container nobody reads it."""
    os.write(1, (json.dumps(facts) + "\n").encode())


class Local:
    """A companion in a process of its own, on loopback; a context manager that gives its settings."""

    def __init__(self, name: str) -> None:
        import subprocess
        import sys

        settings = {"host": LOOPBACK, "port": 0, "authkey": os.urandom(16).hex()}
        self._process: subprocess.Popen[bytes] = subprocess.Popen(
            interpreter.command(sys.argv[0], "--companion", name),
            stdout=subprocess.PIPE,
            env={**os.environ, SETTINGS_VARIABLE: json.dumps(settings)},
        )
        self._settings = settings

    def __enter__(self) -> Dict[str, Any]:
        assert self._process.stdout is not None
        told = self._process.stdout.readline()
        if not told:
            raise RuntimeError("the companion ended with code %s before it listened" % self._process.wait())
        return {**self._settings, **json.loads(told)}

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
