"""Sessions, each of which calls ``python -m lab …`` or one tool. This file runs on the Python that runs nox."""

import hashlib
import sys
from pathlib import Path

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "tests"]
nox.options.error_on_external_run = True

RUN = "constraints.txt"  # what the lab needs to run
DEVELOP = "constraints-dev.txt"  # the same versions, and the developers' tools


def install(session: nox.Session, constraints: str = DEVELOP) -> None:
    """Install the packages that ``constraints`` pins by hash, unless the environment has them already.

    The lab itself is not installed: it runs from the clone.
    """
    if sys.version_info < (3, 11):  # noqa: UP036 - nox itself may run on an older Python than the lab
        session.error(
            "the lab needs Python 3.11 or newer, nox runs on {}.{}; for example: uvx --python 3.13 nox -s {}".format(
                *sys.version_info[:2], session.name
            )
        )
    digest = hashlib.sha256(Path(constraints).read_bytes()).hexdigest()
    installed = Path(session.virtualenv.location) / "installed.sha256"
    if installed.is_file() and installed.read_text(encoding="ascii") == digest:
        return
    # uv does not compile bytecode by default, so that the first run of every session would compile all imports.
    session.install("--require-hashes", "-r", constraints, env={"UV_COMPILE_BYTECODE": "1"})
    installed.write_text(digest, encoding="ascii")


def lab(session: nox.Session, *arguments: str, constraints: str = RUN) -> None:
    """Run a command of the lab with the arguments that follow ``--``."""
    install(session, constraints)
    session.run("python", "-m", "lab", *arguments, *session.posargs)


@nox.session(name="lab")
def main_job(session: nox.Session) -> None:
    """Measure and write the CSVs and the report. Options of `lab run` follow --."""
    lab(session, "run")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the test suite. Options of pytest follow --."""
    install(session)
    # Tests start the lab several dozen times; without cached bytecode each start would compile it again.
    session.run("python", "-m", "pytest", *session.posargs, env={"PYTHONDONTWRITEBYTECODE": None})


@nox.session
def tune(session: nox.Session) -> None:
    """Find the best pool for a function of your own: nox -s tune -- work.py:resize."""
    lab(session, "tune")


@nox.session
def gate(session: nox.Session) -> None:
    """Compare a function of your own between two commits: nox -s gate -- work.py:resize --base main."""
    lab(session, "gate")


@nox.session(default=False)
def mutants(session: nox.Session) -> None:
    """Check a sample of mutants against the tests: nox -s mutants -- --seed 1 --count 150 --at-least 85."""
    install(session)
    session.run("python", "-m", "tests.mutants.sample", *session.posargs)


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Read damaged and forged files of every kind: nox -s fuzz -- --count 100000 --seed 1; about 15 minutes."""
    install(session)
    session.run("python", "-m", "tests.fuzz", *session.posargs)


@nox.session
def report(session: nox.Session) -> None:
    """Rebuild the report of a run: nox -s report -- RUN."""
    lab(session, "report")


@nox.session(default=False)
def sample(session: nox.Session) -> None:
    """Copy a sample of a run to reports/sample and its numbers to README.md: nox -s sample -- RUN."""
    lab(session, "report", "--sample", "reports/sample")
    session.run("python", "-m", "lab", "docs")


@nox.session
def compare(session: nox.Session) -> None:
    """Compare two runs, or two targets of one run: nox -s compare -- BASE NEW."""
    lab(session, "compare")


@nox.session
def reproduce(session: nox.Session) -> None:
    """Repeat the plan of a run on this machine and compare the results: nox -s reproduce -- RUN."""
    lab(session, "reproduce")


@nox.session(default=False)
def selfcheck(session: nox.Session) -> None:
    """Check accuracy, precision and false alarms on this machine; takes about 40 minutes, less with --quick."""
    lab(session, "selfcheck", constraints=DEVELOP)


@nox.session(default=False)
def wine(session: nox.Session) -> None:
    """Run the smoke profile on Windows CPythons under Wine, in containers. Options of `lab run` follow --."""
    lab(session, "run", "--images", "wine", "--profile", "smoke", "--cpus", "2", "--budget", "1h")


@nox.session(default=False)
def vm(session: nox.Session) -> None:
    """Run the lab on Docker, Podman and natively in an emulated Debian with systemd and cgroup v2; needs root."""
    install(session, RUN)
    session.run("bash", "docker/vm/rig", *session.posargs, external=True)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure the cost of the lab itself. Options of `lab bench` follow --."""
    lab(session, "bench", constraints=DEVELOP)


@nox.session
def images(session: nox.Session) -> None:
    """List the images that the lab has built."""
    lab(session, "images")


@nox.session
def docs(session: nox.Session) -> None:
    """Regenerate the generated parts of the READMEs."""
    lab(session, "docs")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, import boundaries, and whether the generated documents are up to date."""
    install(session)
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports", "--no-cache")
    session.run("python", "-m", "lab", "docs", "--check")
    session.run("python", ".ci/words.py")


@nox.session
def types(session: nox.Session) -> None:
    """Check static types in strict mode."""
    install(session)
    session.run("mypy")
