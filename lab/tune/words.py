"""Choices in words, and as the lines of Python to paste."""

from __future__ import annotations

from lab.text import plural
from lab.tune.choices import PLAIN_EXECUTOR, PLAIN_POOL, Choice

NAMES = {
    "pool": "Pool",
    "process_pool_executor": "ProcessPoolExecutor",
    "interpreter_pool_executor": "InterpreterPoolExecutor",
    "threads": "ThreadPoolExecutor",
    "loky": "loky",
    "joblib": "joblib",
    "serial": "serial",
}


def label(choice: Choice) -> str:
    """A choice with the class that is used, for tables: ``Pool(4, spawn), chunksize 16``."""
    if choice.executor == "serial":
        return f"serial{_library(choice)}"
    inner = ", ".join(filter(None, (str(choice.workers) if choice.workers else "", choice.start_method)))
    return f"{NAMES[choice.executor]}({inner}){_chunks(choice)}{_library(choice)}"


def case(choice: Choice) -> str:
    """A choice as the case of a cell: ``pool-spawn-w4-c16``; default values are left out."""
    parts = [choice.executor, choice.start_method]
    if choice.executor != "serial":
        parts += [f"w{choice.workers}" if choice.workers else "", f"c{choice.chunksize}" if choice.chunksize else ""]
    return "-".join(filter(None, (*parts, f"t{choice.library_threads}" if choice.library_threads else "")))


def sentence_name(choice: Choice) -> str:
    """A choice for the sentence of the answer: ``4 processes (spawn), chunksize 16``."""
    if choice in (PLAIN_POOL, PLAIN_EXECUTOR):
        return f"{NAMES[choice.executor]}() as it is"
    if choice.executor == "serial":
        return f"serial{_library(choice)}"
    noun = {"threads": "thread", "interpreter_pool_executor": "interpreter"}.get(choice.executor, "process")
    count = plural(choice.workers, noun, "processes" if noun == "process" else "")
    how = choice.start_method or (choice.executor if choice.executor in ("loky", "joblib") else "")
    return f"{count}{f' ({how})' if how else ''}{_chunks(choice)}{_library(choice)}"


def _chunks(choice: Choice) -> str:
    return f", chunksize {choice.chunksize}" if choice.chunksize else ""


def _library(choice: Choice) -> str:
    return f", OMP_NUM_THREADS={choice.library_threads}" if choice.library_threads else ""
