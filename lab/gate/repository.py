"""Two commits of the user's repository, each checked out into a folder of its own that is removed at the end.

The user's working tree and index are only read. Hooks are not run: they are the user's, and nothing is committed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.errors import UsageError
from lab.text import plural

NO_HOOKS = ("-c", f"core.hooksPath={os.devnull}")
AUTHOR = ("-c", "user.name=comparison lab", "-c", "user.email=lab@localhost")  # of the commit that holds the changes
LOCAL = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
)  # set where a hook starts the lab


@dataclass(frozen=True, kw_only=True)
class Side:
    """One commit, checked out in ``folder``. ``words`` say what it is; ``notes`` what is missing in it."""

    commit: str
    folder: Path
    words: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A git repository by the top folder of its working tree."""

    top: Path

    @classmethod
    def around(cls, folder: Path) -> Repository:
        """The repository that a folder lies in.

        Raises:
            UsageError: there is none, or git is missing.
        """
        try:
            done = _git(folder, "rev-parse", "--show-toplevel")
        except FileNotFoundError:
            raise UsageError("the program git was not found; install it, for gate compares two commits") from None
        if done.returncode:
            raise UsageError(
                f"{folder} is not in the working tree of a git repository ({_last_line(done)}); "
                "start gate in the repository of the function"
            )
        return cls(top=Path(done.stdout.strip()))

    def commit(self, revision: str) -> str:
        """The full id of a commit.

        Raises:
            UsageError: the repository has no commit yet, or does not know this one.
        """
        done = self._run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        if not done.returncode:
            return done.stdout.strip()
        if self._run("rev-parse", "--verify", "--quiet", "HEAD").returncode:
            raise UsageError(f"{self.top} has no commit yet; commit the state to compare with first")
        if self._run("rev-parse", "--is-shallow-repository").stdout.strip() == "true":
            raise UsageError(
                f"{revision!r} is not a commit of {self.top}, which is a shallow clone; fetch it first: "
                "git fetch --unshallow (in a workflow: fetch-depth: 0)"
            )
        raise UsageError(f"{revision!r} is not a commit, branch or tag of {self.top}; list them with: git log --all")

    @contextlib.contextmanager
    def sides(self, base: str, head: str = "") -> Iterator[tuple[Side, Side]]:
        """Check out the base and the head; without ``head`` that is the working tree with its uncommitted changes.

        Raises:
            UsageError: a commit does not exist or cannot be checked out.
        """
        commits = self.commit(base), self.commit(head or "HEAD")
        with tempfile.TemporaryDirectory(prefix="lab-gate-", ignore_cleanup_errors=True) as scratch:
            changed, words, notes = ("", _words(head, commits[1]), ()) if head else self._uncommitted(Path(scratch))
            try:
                yield (
                    self._checked_out(commits[0], Path(scratch) / "base", _words(base, commits[0])),
                    self._checked_out(changed or commits[1], Path(scratch) / "head", words, notes),
                )
            finally:
                for name in ("base", "head"):
                    self._run("worktree", "remove", "--force", "--force", str(Path(scratch) / name))
                    shutil.rmtree(Path(scratch) / name, ignore_errors=True)
                self._run("worktree", "prune")

    def _uncommitted(self, scratch: Path) -> tuple[str, str, tuple[str, ...]]:
        """A commit, on no branch, with the changes of tracked files (empty if there are none), and words for it."""
        head = self.commit("HEAD")
        shown = self._run("status", "--porcelain", "--ignore-submodules=dirty").stdout.splitlines()
        new = sum(line.startswith("??") for line in shown)
        notes = (
            (f"{plural(new, 'untracked file')} of the working tree not measured; git add to include",) if new else ()
        )
        if len(shown) == new:
            return "", _words("HEAD", head), notes
        index = scratch / "index"  # git refreshes the index that it uses, so it gets a copy
        named = self._run("rev-parse", "--git-path", "index").stdout.strip()
        shutil.copy2(self.top / named, index)
        done = self._run(*AUTHOR, "stash", "create", environment={"GIT_INDEX_FILE": str(index)})
        if done.returncode or not done.stdout.strip():
            raise UsageError(
                f"the uncommitted changes of {self.top} cannot be read ({_last_line(done)}); commit them, or compare "
                "the last commit with --head HEAD"
            )
        changes = plural(len(shown) - new, "uncommitted change")
        return done.stdout.strip(), f"{_words('HEAD', head)} with {changes}", notes

    def _checked_out(self, commit: str, folder: Path, words: str, notes: tuple[str, ...] = ()) -> Side:
        done = self._run(*NO_HOOKS, "worktree", "add", "--quiet", "--detach", str(folder), commit)
        if done.returncode:
            raise UsageError(
                f"{words} cannot be checked out ({_last_line(done)}); check that git worktree add works in {self.top}"
            )
        return Side(commit=commit, folder=folder, words=words, notes=(*notes, *self._submodules(folder, words)))

    @staticmethod
    def _submodules(folder: Path, words: str) -> tuple[str, ...]:
        """Check out the submodules; a note where that fails, for the function may not need them."""
        if not (folder / ".gitmodules").is_file():
            return ()
        done = _git(folder, *NO_HOOKS, "submodule", "--quiet", "update", "--init", "--recursive")
        return (f"the submodules of {words} are missing: {_last_line(done)}",) if done.returncode else ()

    def _run(self, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return _git(self.top, *arguments, environment=environment)


def _git(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name not in LOCAL}
    return subprocess.run(
        ["git", "-C", str(folder), *arguments],
        env={**inherited, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", **(environment or {})},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return lines[-1].removeprefix("fatal: ") if lines else f"git ended with {done.returncode}"


def _words(revision: str, commit: str) -> str:
    short = commit[:10]
    return short if commit.startswith(revision) else f"{revision} ({short})"
