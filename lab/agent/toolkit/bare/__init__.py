"""Main programs that do not import the lab, so that they start the same processes as a user's own script.

The measuring process runs one as a separate script (``Bare``). It sends the name of the function to call over a pipe,
and receives the result over another.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile

from lab.agent import interpreter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Callable, Dict, Optional, Sequence, Type


FOLDER = os.path.dirname(os.path.abspath(__file__))


class BareError(RuntimeError):
    """A function of the main program raised, or the program has ended."""


class Bare:
    """A context manager for a running main program of this folder.

    ``imports`` are modules that the program imports at its top, and so does every child that is not forked. Such a
    program is a copy in the cell's temporary folder that begins with these import lines.
    """

    def __init__(self, name: str, imports: Sequence[str] = (), **settings: Any) -> None:
        script = os.path.join(FOLDER, name + ".py")
        if imports:
            script = _with_imports(script, imports)
        self._process = subprocess.Popen(
            interpreter.command(script, json.dumps(settings), FOLDER),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> Bare:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):  # it died with a call unread, which ``call`` has reported
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    @property
    def pid(self) -> int:
        """Process id of the main program."""
        return self._process.pid

    def call(self, function: str, *args: Any) -> Any:
        """Call one of the main program's functions and return its result.

        Raises:
            BareError: the function raised, or the program has ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps([function, *args]).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise BareError("the main program has ended") from None
        answer = self._process.stdout.readline()
        if not answer:
            raise BareError("the main program ended with code %s" % self._process.wait())
        result: Dict[str, Any] = json.loads(answer)
        if "error" in result:
            raise BareError(result["error"])
        return result["result"]

    def batch(self, loops: int) -> Dict[str, int]:
        """Run the main program's ``batch``; return operation -> nanoseconds."""
        found: Dict[str, int] = self.call("batch", loops)
        return found

    def batch_of(self, function: str) -> Callable[[int], int]:
        """A batch that calls another function of the main program."""
        return lambda loops: int(self.call(function, loops))


def _with_imports(script: str, imports: Sequence[str]) -> str:
    """Write a copy of the script that imports these modules first; return its path."""
    with open(script, encoding="utf-8") as file:
        text = file.read()
    path = os.path.join(tempfile.gettempdir(), os.path.basename(script))
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write("".join("import %s\n" % name for name in imports) + text)
    return path
