"""The ``__main__`` of a staged folder: ``python -I FOLDER`` starts the agent.

It is copied to ``FOLDER/__main__.py``. A folder, for ``-I -m lab.agent`` cannot find the package (the current folder
is off the path), a zip archive is slow to import, and a ``__main__`` read from standard input hangs spawn.
"""

from lab.agent.main import main

if __name__ == "__main__":
    main()
