"""Comment on a pull request with a comparison of its base and its head: one comment, edited instead of repeated.

It runs with a token that may write, and reads a file that the pull request's own code has written. So it runs from the
default branch and needs only the standard library. It takes the number of the pull request from GitHub's event and not
from the file. Of the file it uses only known verdicts, numbers, and names with a restricted set of characters.
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
SHOWN = 15  # rows per verdict; the job's summary shows all
VERDICTS = ("slower", "faster", "same", "inconclusive", "not measured")
NAME = re.compile(r"[A-Za-z0-9_.,:/*=+@ -]{1,200}")
SHA = re.compile(r"[0-9a-f]{40}")
REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
TIMEOUT_S = 30
PAGE = 100  # the largest page that the API returns


class Refused(Exception):
    """The file or the event is invalid."""


@dataclass(frozen=True)
class Row:
    """The columns of one row of compare.csv that the comment shows."""

    verdict: str
    name: str
    ratio: float
    low: float
    high: float


def read_rows(path: Path) -> list[Row]:
    """Read the rows of an untrusted compare.csv.

    Raises:
        Refused: the file is too large, a link, or not a comparison.
    """
    if path.is_symlink() or path.stat().st_size > LARGEST_BYTES:
        raise Refused(f"{path.name} is larger than {LARGEST_BYTES} bytes, or is a link")
    try:
        with path.open(encoding="utf-8", newline="") as file:
            found = [row_of(record) for record in csv.DictReader(file, strict=True)]
    except (csv.Error, ValueError, KeyError, TypeError) as error:
        raise Refused(f"{path.name} is not the table of a comparison ({type(error).__name__})") from None
    if len(found) > MOST_ROWS:
        raise Refused(f"{path.name} has more than {MOST_ROWS} rows")
    return found


def row_of(record: dict[str, str]) -> Row:
    """Check and convert one row.

    Raises:
        Refused: it has a verdict or a name that the lab never writes.
    """
    if record["verdict"] not in VERDICTS:
        raise Refused("a verdict is not one of the lab's verdicts")
    if not NAME.fullmatch(record["id"]):
        raise Refused("an id contains characters that ids of the lab do not contain")
    return Row(record["verdict"], record["id"], *(number(record[name]) for name in ("ratio", "ci_low", "ci_high")))


def number(text: str) -> float:
    """Parse a finite number; nan for an empty field.

    Raises:
        ValueError: the text is not a finite number.
    """
    found = math.nan if text == "" else float(text)  # a field that the row lacks is None: TypeError
    if math.isinf(found):
        raise ValueError(text)
    return found


def comment_of(rows: list[Row], url: str) -> str:
    """Write the comment in Markdown: the number of each verdict, then the rows that changed."""
    counts = Counter(row.verdict for row in rows)
    summary = ", ".join(f"{counts[word]} {word}" for word in VERDICTS if counts[word]) or "nothing was compared"
    lines = [
        MARK,
        "### Before and after, measured in the same rounds",
        "",
        f"**{summary}**. [Run, report and files]({url}).",
    ]
    for verdict, sign in (("slower", -1), ("faster", 1)):
        some = sorted((row for row in rows if row.verdict == verdict), key=lambda row: sign * row.ratio)
        lines += ["", *table(verdict, some)] if some else []
    lines += [
        "",
        "A ratio is the cost after divided by the cost before, with its 95% interval over rounds: above 1 is worse.",
    ]
    return "\n".join(lines) + "\n"


def table(verdict: str, rows: list[Row]) -> Iterator[str]:
    """Write the table of one verdict, the largest change first."""
    yield f"| {verdict} | ratio | 95% interval |"
    yield "| --- | --- | --- |"
    for row in rows[:SHOWN]:
        yield f"| `{row.name}` | {row.ratio:.3f} | {row.low:.3f} to {row.high:.3f} |"
    if len(rows) > SHOWN:
        yield f"| and {len(rows) - SHOWN} more | | |"


def missing_comment(url: str) -> str:
    """Write the comment for a run that ended without a comparison."""
    return f"{MARK}\n### Before and after\n\n**No comparison was made**: the job ended too early. [Its log]({url}).\n"


class GitHub:
    """The calls of GitHub's REST API that this script needs."""

    def __init__(self, api: str, repository: str, token: str) -> None:
        self._base = f"{api}/repos/{repository}"
        self._token = token

    def call(self, path: str, method: str = "GET", body: dict[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON
        """Make one call and return the decoded answer."""
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
        """Return all entries of a list, page by page."""
        number = 1
        while found := self.call(f"{path}{'&' if '?' in path else '?'}per_page={PAGE}&page={number}"):
            yield from found
            number += 1
            if len(found) < PAGE:
                return

    def pull_request(self, owner: str, branch: str, sha: str) -> int | None:
        """Find the open pull request whose head is this commit; None if there is none, or none any more."""
        head = urllib.parse.quote(f"{owner}:{branch}", safe="")
        for found in self.pages(f"/pulls?state=open&head={head}"):
            if found["head"]["sha"] == sha:
                return int(found["number"])
        return None

    def put(self, pull_request: int, text: str) -> None:
        """Edit the comment of an earlier run, or create the first one."""
        for found in self.pages(f"/issues/{pull_request}/comments"):
            if found["user"]["login"] == AUTHOR and found["body"].startswith(MARK):
                self.call(f"/issues/comments/{int(found['id'])}", "PATCH", {"body": text})
                return
        self.call(f"/issues/{pull_request}/comments", "POST", {"body": text})


def main() -> int:
    """Comment on the pull request; return the exit code."""
    run = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))["workflow_run"]
    repository, sha = os.environ["GITHUB_REPOSITORY"], str(run["head_sha"])
    if not (SHA.fullmatch(sha) and REPOSITORY.fullmatch(repository)):
        print("::error::nothing was commented: the event does not name a commit of a repository")
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
        print("nothing was commented: no open pull request has this commit as its head, at least not any more")
        return 0
    github.put(pull_request, text)
    print(f"commented on pull request {pull_request}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
