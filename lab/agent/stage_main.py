"""The ``__main__`` of a staged folder: ``python -I FOLDER`` starts the agent.

It is copied to ``FOLDER/__main__.py``. The stage is a folder because ``-I -m lab.agent`` cannot find the package (the
current folder is not on the path), a zip archive is slow to import, and a ``__main__`` from standard input hangs spawn.
"""

from lab.agent.main import main

if __name__ == "__main__":
    main()
