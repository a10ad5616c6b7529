"""Request (JSON) in, samples (JSON lines) out.

``python -I FOLDER``            supervise a whole request: one fresh interpreter a cell
``python -I FOLDER --cell``     measure the one cell that stands on standard input
``python -I FOLDER --facts``    print what this target is, as one JSON object
``python -I FOLDER --compile``  compile the standard library and this folder
``python -I FOLDER --companion NAME``  be the other side of a scenario that needs a second machine
"""

import sys


def main() -> None:
    """Dispatch on the first argument; imports are late because every cell pays for them."""
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
    elif mode == "--companion" and len(sys.argv) > 2:  # noqa: PLR2004 - the mode and a name
        from lab.agent.toolkit.sidecars import run

        run(sys.argv[2])
    elif mode:
        sys.exit("agent: unknown argument %r; it takes --cell, --facts, --compile, --companion NAME or none" % mode)
    else:
        from lab.agent.supervisor import supervise

        sys.exit(supervise())
