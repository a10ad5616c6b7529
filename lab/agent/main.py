"""The entry point of the agent: it reads a request (JSON) and writes samples (JSON lines).

``python -I FOLDER``            run a request, each cell in a fresh interpreter
``python -I FOLDER --cell``     measure the cell whose request is on standard input
``python -I FOLDER --facts``    print this target's facts as one JSON object
``python -I FOLDER --compile``  compile the standard library and this folder
``python -I FOLDER --companion NAME``  run a sidecar, a scenario's second machine (word-ok: the option's name)
"""

import sys


def main() -> None:
    """Dispatch on the first argument. Imports are inside branches because their time counts in every cell."""
    mode = sys.argv[1] if len(sys.argv) > 1 else ""
    if mode == "--cell":
        from lab.agent.cell import run_from_stdin

        run_from_stdin()
    elif mode == "--compile":
        from lab.agent.facts.bytecode import compile_target

        compile_target()
    elif mode == "--facts":
        from lab.agent.facts.target import print_facts

        print_facts()
    elif mode == "--companion" and len(sys.argv) > 2:  # noqa: PLR2004 - mode and name; word-ok: the option's name
        from lab.agent.toolkit.sidecars import run

        run(sys.argv[2])
    elif mode:
        known = "--cell, --facts, --compile, --companion NAME"  # word-ok: the option's name
        sys.exit("agent: the argument %r is unknown; use one of %s, or none" % (mode, known))
    else:
        from lab.agent.supervisor import supervise

        sys.exit(supervise())
