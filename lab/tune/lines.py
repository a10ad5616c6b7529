"""The lines of Python that do what a choice does, for the user to paste."""

from __future__ import annotations

from dataclasses import dataclass

from lab.tune.choices import Choice

LIBRARY_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


@dataclass(frozen=True, kw_only=True)
class Job:
    """How the user's code names what is run.

    ``imports`` are the import statements of function, items and initializer; ``items`` is an expression, and
    ``initializer`` a name, or empty.
    """

    function: str
    items: str
    imports: tuple[str, ...]
    initializer: str = ""


def lines(choice: Choice, job: Job) -> str:
    """A whole program that applies the function to all items by this choice, and has the list ``results``."""
    imports, body = _BUILDERS[choice.executor](choice, job)
    program = [*imports, *job.imports, "", 'if __name__ == "__main__":', *(f"    {line}" for line in body)]
    if choice.library_threads:
        names = ", ".join(f'"{name}"' for name in LIBRARY_VARIABLES)
        value = f'"{choice.library_threads}"'
        program = [
            "import os",
            f"os.environ |= dict.fromkeys([{names}], {value})  # before these libraries are imported",
            *program,
        ]
    return "\n".join(program) + "\n"


def _serial(choice: Choice, job: Job) -> tuple[list[str], list[str]]:
    del choice
    start = [f"{job.initializer}()"] if job.initializer else []
    return [], [*start, f"results = [{job.function}(item) for item in {job.items}]"]


def _pool(choice: Choice, job: Job) -> tuple[list[str], list[str]]:
    arguments = _arguments(str(choice.workers) if choice.workers else "", _initializer(job))
    if choice.start_method:
        imports, made = "from multiprocessing import get_context", f'get_context("{choice.start_method}").Pool'
    else:
        imports, made = "from multiprocessing import Pool", "Pool"
    return [imports], [f"with {made}({arguments}) as pool:", f"    results = pool.map({_mapped(choice, job)})"]


def _threads(choice: Choice, job: Job) -> tuple[list[str], list[str]]:
    return _futures("ThreadPoolExecutor", choice, job)


def _processes(choice: Choice, job: Job) -> tuple[list[str], list[str]]:
    imports, body = _futures("ProcessPoolExecutor", choice, job)
    return ([*imports, "from multiprocessing import get_context"] if choice.start_method else imports), body


def _interpreters(choice: Choice, job: Job) -> tuple[list[str], list[str]]:
    return _futures("InterpreterPoolExecutor", choice, job)


def _futures(name: str, choice: Choice, job: Job) -> tuple[list[str], list[str]]:
    arguments = _arguments(
        f"max_workers={choice.workers}" if choice.workers else "",
        f'mp_context=get_context("{choice.start_method}")' if choice.start_method else "",
        _initializer(job),
    )
    return (
        [f"from concurrent.futures import {name}"],
        [f"with {name}({arguments}) as pool:", f"    results = list(pool.map({_mapped(choice, job)}))"],
    )


def _loky(choice: Choice, job: Job) -> tuple[list[str], list[str]]:
    arguments = _arguments(f"max_workers={choice.workers}", _initializer(job))
    return (
        ["from loky import ProcessPoolExecutor"],
        [f"with ProcessPoolExecutor({arguments}) as pool:", f"    results = list(pool.map({_mapped(choice, job)}))"],
    )


def _joblib(choice: Choice, job: Job) -> tuple[list[str], list[str]]:
    arguments = _arguments(f"n_jobs={choice.workers}", f"batch_size={choice.chunksize}" if choice.chunksize else "")
    calls = f"delayed({job.function})(item) for item in {job.items}"
    return ["from joblib import Parallel, delayed"], [f"results = Parallel({arguments})({calls})"]


def _mapped(choice: Choice, job: Job) -> str:
    return _arguments(job.function, job.items, f"chunksize={choice.chunksize}" if choice.chunksize else "")


def _initializer(job: Job) -> str:
    return f"initializer={job.initializer}" if job.initializer else ""


def _arguments(*parts: str) -> str:
    return ", ".join(filter(None, parts))


_BUILDERS = {
    "serial": _serial,
    "threads": _threads,
    "pool": _pool,
    "process_pool_executor": _processes,
    "interpreter_pool_executor": _interpreters,
    "loky": _loky,
    "joblib": _joblib,
}
