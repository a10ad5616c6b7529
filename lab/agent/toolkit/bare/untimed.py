"""Targets of children of ``process_start.py`` that are not timed; only those children import it."""

import sys


def count_modules(path):
    with open(path, "w") as file:
        file.write(str(len(sys.modules) - 1))  # without this one


def take(end, payload):
    end.send([len(payload), payload[:1] == payload[-1:] == b"\1"])
