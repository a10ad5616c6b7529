"""Imports the user's function, items and initializer, and says in one sentence what is wrong with them."""

from __future__ import annotations

import importlib
import os
import pickle
import sys
import time
import traceback

from lab.agent import interpreter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Tuple

PROCESS_EVENTS = ("os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "subprocess.Popen", "_winapi.CreateProcess")


class Fault(Exception):
    """The user's code cannot be measured. The first line is the sentence; the user's traceback follows, if any."""


class Code:
    """The user's code: ``function`` of one item, the ``items``, and ``init``, which each worker calls once, or None.

    ``import_ns`` is how long the import of the function's module took.
    """

    def __init__(self, function: Callable[[Any], Any], items: List[Any], init: Optional[Callable[[], Any]]) -> None:
        self.function = function
        self.items = items
        self.init = init
        self.import_ns = 0


def load(own: Dict[str, Any]) -> Code:
    """Import what the request names: ``module``, ``function``, ``items`` (a reference or an expression), ``init``.

    Raises:
        Fault: something is not there, cannot be imported, or cannot be handed to other processes.
    """
    began_ns = time.perf_counter_ns()
    with ProcessStarts() as started:
        module = imported(own["module"])
    import_ns = time.perf_counter_ns() - began_ns
    if started:
        raise Fault(
            'importing %s starts processes (%s): put the lines that do so below `if __name__ == "__main__":`, for '
            "every worker imports this module" % (own["module"], started[0])
        )
    function = member(module, own["function"], "function")
    if not callable(function):
        raise Fault(
            "%s of %s is not a function but %s: name a function of one item"
            % (own["function"], own["module"], kind(function))
        )
    check_importable(function, own)
    init = reference(own["init"], "initializer") if own.get("init") else None
    if init is not None and not callable(init):
        raise Fault("the initializer %s is not a function: name a function without arguments" % own["init"]["name"])
    code = Code(function, items_of(own, module), init)
    code.import_ns = import_ns
    return code


def imported(name: str) -> Any:
    """The module.

    Raises:
        Fault: it does not exist or raises.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise Fault(
                "%s was not found by %s: check its name, or start the lab in the folder that has it"
                % (name, interpreter.path())
            ) from None
        raise Fault(
            "%s cannot be imported by %s, which has no module %s: name the interpreter of your environment with "
            "--python\n%s" % (name, interpreter.path(), error.name, own_traceback())
        ) from None
    except BaseException as error:  # SystemExit of a script, too
        raise Fault(
            'importing %s raises %s: mend it, or put what must not run at import below `if __name__ == "__main__":`'
            "\n%s" % (name, described(error), own_traceback())
        ) from None


def member(module: Any, name: str, what: str) -> Any:
    """The attribute of a module.

    Raises:
        Fault: it does not exist.
    """
    found = module
    for part in name.split("."):
        if not hasattr(found, part):
            there = sorted(key for key, value in vars(module).items() if callable(value) and not key.startswith("_"))
            named = ", ".join(there[:8]) or "none"
            raise Fault(
                "the %s %s does not exist in %s: name one that does (functions: %s)"
                % (what, name, module.__name__, named)
            )
        found = getattr(found, part)
    return found


def reference(named: Dict[str, str], what: str) -> Any:
    """The object that ``module`` and ``name`` refer to."""
    return member(imported(named["module"]), named["name"], what)


def check_importable(function: Callable[[Any], Any], own: Dict[str, Any]) -> None:
    """Check that processes can be handed the function: pickle stores its module and name.

    Raises:
        Fault: it cannot be found by them, as a lambda, or is another object there, as behind some decorators.
    """
    try:
        same = pickle.loads(pickle.dumps(function)) is function  # noqa: S301 - what the line itself has pickled
        why = "its name leads to another object, as with a decorator that does not replace the name"
    except Exception as error:  # pickle raises what the object's own methods raise
        same, why = False, str(error)
    if not same and not own.get("threads_only"):
        raise Fault(
            "%s cannot be handed to another process (%s): define it with `def` at the top of its module"
            % (own["function"], why)
        )


def items_of(own: Dict[str, Any], module: Any) -> List[Any]:
    """The list of items.

    Raises:
        Fault: there are none, or they cannot be used more than once, or not be pickled.
    """
    name, found = named_items(own, module)
    if callable(found):
        try:
            found = found()
        except Exception as error:
            raise Fault("%s() raises %s: mend it\n%s" % (name, described(error), own_traceback())) from None
    if hasattr(found, "__next__"):
        raise Fault("%s is %s, which can be used only once: make it a list" % (name, kind(found)))
    if not hasattr(found, "__len__") or not hasattr(found, "__iter__") or isinstance(found, (str, bytes)):
        raise Fault("%s is %s and not a sequence of items: make it a list" % (name, kind(found)))
    items = list(found)
    if not items:
        raise Fault("%s is empty: give the function at least one item" % name)
    for index in (0, len(items) // 2, len(items) - 1):
        try:
            pickle.dumps(items[index])
        except Exception as error:
            raise Fault(
                "item %d of %s cannot be pickled (%s), so no process can receive it: use items such as paths or "
                "numbers, and open or build the rest in the function" % (index, name, error)
            ) from None
    return items


def named_items(own: Dict[str, Any], module: Any) -> Tuple[str, Any]:
    """How the items are called in messages, and what stands there: a sequence, or a function that returns one.

    Raises:
        Fault: nothing does.
    """
    named = own.get("items")
    if named and "expression" in named:
        return named["expression"], evaluated(named["expression"], module)
    if named:
        return named["name"], reference(named, "items")
    for name in ("ITEMS", "items"):
        if hasattr(module, name):
            return name, getattr(module, name)
    raise Fault(
        "%s has neither ITEMS nor items(): name the items with --items, for example --items 'range(1000)'"
        % module.__name__
    )


def evaluated(expression: str, module: Any) -> Any:
    """The value of an expression in the names of the function's module. The user wrote it on their command line."""
    try:
        return eval(compile(expression, "--items", "eval"), dict(vars(module)))  # noqa: S307 - the user's own code
    except Exception as error:
        raise Fault(
            "--items %s raises %s: give a name of the module, or an expression such as range(1000)"
            % (expression, described(error))
        ) from None


def described(error: BaseException) -> str:
    """``ValueError: text``."""
    return ("%s: %s" % (type(error).__name__, error)).strip().rstrip(":").replace("\n", " ")


def kind(thing: object) -> str:
    """The type of a thing with an article: ``a generator``."""
    name = type(thing).__name__
    return ("an " if name[:1] in "aeiou" else "a ") + name


def own_traceback() -> str:
    """The current exception's traceback without the lab's own frames at its beginning."""
    error = sys.exc_info()[1]
    assert error is not None
    here = os.path.dirname(os.path.abspath(__file__))
    frames = traceback.extract_tb(error.__traceback__)
    kept = [
        frame
        for frame in frames
        if not frame.filename.startswith((here, "<frozen importlib"))
        and os.sep + "importlib" + os.sep not in frame.filename
    ]
    text = ["Traceback (most recent call last):\n", *traceback.format_list(kept)]
    return "".join([*text, *traceback.format_exception_only(type(error), error)]).rstrip()


class ProcessStarts:
    """Collects the names of audit events that start processes, while it is entered."""

    def __init__(self) -> None:
        self._seen: List[str] = []
        self._active = False

    def __enter__(self) -> List[str]:
        self._active = True
        sys.addaudithook(self._hear)
        return self._seen

    def __exit__(self, *_: object) -> None:
        self._active = False

    def _hear(self, event: str, _arguments: Tuple[Any, ...]) -> None:
        if self._active and event in PROCESS_EVENTS:
            self._seen.append(event)
