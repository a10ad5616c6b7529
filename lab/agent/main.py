"""Request (JSON) in, samples (JSON lines) out.

``python -I FOLDER``            supervise a whole request: one fresh interpreter a cell
``python -I FOLDER --cell``     measure the one cell that stands on standard input
``python -I FOLDER --facts``    print what this target is, as one JSON object
``python -I FOLDER --compile``  compile the standard library and this folder
"""

import sys


def main() -> None:
    """Dispatch on the first argument; imports are late because every cell pays for them."""
    mode = sys.argv[1] if len(sys.argv) > 1 else ""
    if mode == "--cell":
        from lab.agent.cell import run_from_stdin

        run_from_stdin()
    elif mode == "--compile":
        from lab.agent.bytecode import compile_target

        compile_target()
    elif mode == "--facts":
        from lab.agent.facts import print_facts

        print_facts()
    elif mode:
        sys.exit("agent: unknown argument %r; it takes --cell, --facts, --compile or none" % mode)
    else:
        from lab.agent.supervisor import supervise

        sys.exit(supervise())
