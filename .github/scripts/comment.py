"""Comment a pull request with a comparison of its state before and after: one comment, edited instead of repeated.

It runs with a token that may write, on a file that a pull request's own code has made. So it runs from the default
branch, needs the standard library alone, takes which pull request it is from GitHub's event and never from the file,
and lets nothing of the file through but verdicts that it knows, numbers, and names of a narrow alphabet.
"""

from __future__ import annotations

import csv
import json
import math
import os
import re
import sys
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MARK = "<!-- comparison-lab: before and after -->"
AUTHOR = "github-actions[bot]"
LARGEST_BYTES = 4 * 2**20
MOST_ROWS = 20_000
SHOWN = 15  # rows of each kind; all are in the job's summary
VERDICTS = ("slower", "faster", "same", "cannot tell", "not measured")
NAME = re.compile(r"[A-Za-z0-9_.,:/*=+@ -]{1,200}")
SHA = re.compile(r"[0-9a-f]{40}")
REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
TIMEOUT_S = 30
PAGE = 100  # the most that the API gives at once


class Refused(Exception):
    """The file or the event is not what it should be."""


@dataclass(frozen=True)
class Row:
    """One line of compare.csv, as far as the comment says it."""

    verdict: str
    name: str
    ratio: float
    low: float
    high: float


def read_rows(path: Path) -> list[Row]:
    """The rows of a compare.csv that nobody vouches for.

    Raises:
        Refused: it is too large, or no such table.
    """
    if path.is_symlink() or path.stat().st_size > LARGEST_BYTES:
        raise Refused(f"{path.name} is larger than {LARGEST_BYTES} bytes, or a link")
    try:
        with path.open(encoding="utf-8", newline="") as file:
            found = [row_of(record) for record in csv.DictReader(file, strict=True)]
    except (csv.Error, ValueError, KeyError, TypeError) as error:
        raise Refused(f"{path.name} is no table of a comparison ({type(error).__name__})") from None
    if len(found) > MOST_ROWS:
        raise Refused(f"{path.name} has more than {MOST_ROWS} rows")
    return found


def row_of(record: dict[str, str]) -> Row:
    """One row.

    Raises:
        Refused: it says what no row of the lab says.
    """
    if record["verdict"] not in VERDICTS:
        raise Refused("a verdict is none of the lab's")
    if not NAME.fullmatch(record["id"]):
        raise Refused("an id has letters that no id of the lab has")
    return Row(record["verdict"], record["id"], *(number(record[name]) for name in ("ratio", "ci_low", "ci_high")))


def number(text: str) -> float:
    """A finite number; nan for an empty field.

    Raises:
        ValueError: it is none.
    """
    found = math.nan if text == "" else float(text)  # a field that the row lacks is None: TypeError
    if math.isinf(found):
        raise ValueError(text)
    return found


def comment_of(rows: list[Row], url: str) -> str:
    """The comment's Markdown: how it came out in numbers, then the rows that changed."""
    counts = Counter(row.verdict for row in rows)
    told = ", ".join(f"{counts[word]} {word}" for word in VERDICTS if counts[word]) or "nothing was compared"
    lines = [
        MARK,
        "### Before and after, measured in the same rounds",
        "",
        f"**{told}**. [Run, report and files]({url}).",
    ]
    for verdict, sign in (("slower", -1), ("faster", 1)):
        some = sorted((row for row in rows if row.verdict == verdict), key=lambda row: sign * row.ratio)
        lines += ["", *table(verdict, some)] if some else []
    lines += [
        "",
        "A ratio is the cost after over the cost before, with its 95 % interval over rounds: above 1 is worse.",
    ]
    return "\n".join(lines) + "\n"


def table(verdict: str, rows: list[Row]) -> Iterator[str]:
    """The rows of one verdict, the largest change first."""
    yield f"| {verdict} | ratio | 95 % interval |"
    yield "| --- | --- | --- |"
    for row in rows[:SHOWN]:
        yield f"| `{row.name}` | {row.ratio:.3f} | {row.low:.3f} to {row.high:.3f} |"
    if len(rows) > SHOWN:
        yield f"| and {len(rows) - SHOWN} more | | |"


def missing_comment(url: str) -> str:
    """The comment where there is no comparison."""
    return f"{MARK}\n### Before and after\n\n**There is no comparison**: the job ended before it. [Its log]({url}).\n"


class GitHub:
    """The few calls of the REST API that this takes."""

    def __init__(self, api: str, repository: str, token: str) -> None:
        self._base = f"{api}/repos/{repository}"
        self._token = token

    def call(self, path: str, method: str = "GET", body: dict[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON
        """One call; the decoded answer."""
        request = urllib.request.Request(  # noqa: S310 - the address is GitHub's own, from its environment
            self._base + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self._token}",
                "Accept": "application/vnd.github+json",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - as above
            return json.load(answer)

    def pages(self, path: str) -> Iterator[Any]:
        """All entries of a list, page by page."""
        number = 1
        while found := self.call(f"{path}{'&' if '?' in path else '?'}per_page={PAGE}&page={number}"):
            yield from found
            number += 1
            if len(found) < PAGE:
                return

    def pull_request(self, owner: str, branch: str, sha: str) -> int | None:
        """The open pull request whose head is this very commit; None where there is none (any more)."""
        head = urllib.parse.quote(f"{owner}:{branch}", safe="")
        for found in self.pages(f"/pulls?state=open&head={head}"):
            if found["head"]["sha"] == sha:
                return int(found["number"])
        return None

    def put(self, pull_request: int, text: str) -> None:
        """Edit the comment that an earlier run left, else make it."""
        for found in self.pages(f"/issues/{pull_request}/comments"):
            if found["user"]["login"] == AUTHOR and found["body"].startswith(MARK):
                self.call(f"/issues/comments/{int(found['id'])}", "PATCH", {"body": text})
                return
        self.call(f"/issues/{pull_request}/comments", "POST", {"body": text})


def main() -> int:
    """Comment; the exit code."""
    run = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))["workflow_run"]
    repository, sha = os.environ["GITHUB_REPOSITORY"], str(run["head_sha"])
    if not (SHA.fullmatch(sha) and REPOSITORY.fullmatch(repository)):
        print("::error::nothing was commented: the event names no commit of a repository")
        return 1
    try:
        url = f"{os.environ['GITHUB_SERVER_URL']}/{repository}/actions/runs/{int(run['id'])}"
        file = Path(sys.argv[1])
        text = comment_of(read_rows(file), url) if file.is_file() else missing_comment(url)
    except Refused as error:
        print(f"::error::nothing was commented: {error}")
        return 1
    github = GitHub(os.environ["GITHUB_API_URL"], repository, os.environ["GITHUB_TOKEN"])
    pull_request = github.pull_request(run["head_repository"]["owner"]["login"], run["head_branch"], sha)
    if pull_request is None:
        print("no open pull request has this commit as its head (any more); nothing was commented")
        return 0
    github.put(pull_request, text)
    print(f"commented on pull request {pull_request}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
