"""Runs tests on a Windows CPython: the files that are named, else those of the host side that touch what differs there.

The temporary folder's name has spaces and letters beyond ASCII in it.
"""

from __future__ import annotations

import os
import sys

CLONE = r"z:\opt\clone"
TOUCHED = (
    "archive", "deep_paths", "docs", "import", "interpreters", "line_ends", "merge", "plan", "provenance",
    "container_options", "quota", "refusals", "select", "store", "tables", "topology", "wine",
    "agent_bytecode", "agent_cgroup", "agent_protocol", "agent_scenario",
)  # fmt: skip

# What the runtime of a wheel lacks (the launcher that a virtual environment copies), and what Windows reads otherwise:
# zipfile there takes a backslash in a name for a slash.
NOT_HERE = (
    "test_interpreters.py::test_a_virtual_environment_stands_for_its_base",
    "test_archive.py::test_names_that_no_run_has_are_refused_and_nothing_is_written[run\\\\x.csv]",
)

if __name__ == "__main__":
    sys.dont_write_bytecode = True
    packages = [r"z:\opt\site", CLONE]
    sys.path[:0] = packages
    os.environ["PYTHONPATH"] = os.pathsep.join(packages)  # tests start interpreters of their own
    os.chdir(CLONE)
    import pytest

    names = sys.argv[1:] or [f"tests/unit/test_{name}.py" for name in TOUCHED]
    options = ["-q", "-p", "no:cacheprovider", "--tb=short", r"--basetemp=c:\Läufe mit Lücken"]
    left_out = [f"--deselect=tests/unit/{name}" for name in NOT_HERE]
    sys.exit(pytest.main([*names, *options, *left_out]))
