"""The comment on a pull request, by a server that stands for GitHub: one, edited, and nothing of the file trusted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / ".github" / "scripts" / "comment.py"
HEAD = "id,verdict,ratio,ci_low,ci_high\n"
SHA = "a" * 40
EVENT = {"id": 7, "head_sha": SHA, "head_branch": "mine", "head_repository": {"owner": {"login": "forker"}}}
HEADS = [{"number": 11, "head": {"sha": "b" * 40}}, {"number": 12, "head": {"sha": SHA}}]


class Hub(ThreadingHTTPServer):
    """A repository with two open pull requests of one branch, and what was written to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.comments: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.pulls: list[dict[str, Any]] = HEADS


class Handler(BaseHTTPRequestHandler):
    """The calls that the script takes; whatever else is asked for is an error."""

    server: Hub

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        page = int(self.path.rpartition("page=")[2])
        found = self.server.pulls if "/pulls?" in self.path else self.server.comments
        self.answer(found[100 * (page - 1) : 100 * page])

    def do_POST(self) -> None:
        assert self.path == "/repos/me/mine/issues/12/comments"
        self.server.comments.append({"id": 999, "user": {"login": "github-actions[bot]"}, **self.sent()})
        self.answer({})

    def do_PATCH(self) -> None:
        (found,) = [one for one in self.server.comments if self.path.endswith(f"/issues/comments/{one['id']}")]
        found.update(self.sent())
        self.answer({})

    def sent(self) -> dict[str, Any]:
        assert self.headers["Authorization"] == "Bearer secret"
        found: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return found

    def answer(self, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing on the console."""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def comment(hub: Hub, folder: Path, table: str | None, expect: int = 0) -> str:
    (folder / "event.json").write_text(json.dumps({"workflow_run": EVENT}))
    file = folder / "compare.csv"
    file.unlink(missing_ok=True)
    if table is not None:
        file.write_text(table)
    environment = {
        **os.environ, "GITHUB_EVENT_PATH": str(folder / "event.json"), "GITHUB_REPOSITORY": "me/mine",
        "GITHUB_SERVER_URL": "https://example.invalid", "GITHUB_TOKEN": "secret",
        "GITHUB_API_URL": f"http://127.0.0.1:{hub.server_address[1]}", "NO_PROXY": "127.0.0.1",
    }  # fmt: skip
    command = [sys.executable, "-I", str(SCRIPT), str(file)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == expect, done.stderr
    return done.stdout


def test_the_second_comparison_edits_the_comment_of_the_first_whoever_else_has_commented(
    hub: Hub, tmp_path: Path
) -> None:
    others = [{"id": number, "user": {"login": "someone"}, "body": "hello"} for number in range(100)]
    hub.comments = [*others[:-1], {**others[-1], "body": "<!-- comparison-lab: before and after --> copied"}]
    rows = "ipc.fan/a:wall_time,slower,1.5,1.4,1.6\nipc.fan/b,same,1.0,0.99,1.01\nipc.fan/c,not measured,,,\n"
    assert "pull request 12" in comment(hub, tmp_path, HEAD + rows)
    assert "head=forker%3Amine" in hub.asked[0], "which pull request it is, the event and GitHub say"
    body = hub.comments[100]["body"]
    assert "**1 slower, 1 same, 1 not measured**" in body
    assert "| `ipc.fan/a:wall_time` | 1.500 | 1.400 to 1.600 |" in body
    assert "https://example.invalid/me/mine/actions/runs/7" in body
    comment(hub, tmp_path, None)
    assert len(hub.comments) == 101
    assert "No comparison was made" in hub.comments[100]["body"]
    assert hub.comments[:100] == [*others[:-1], {**others[-1], "body": hub.comments[99]["body"]}]


@pytest.mark.parametrize(
    "row",
    [
        "a` [click](http://evil) `,slower,1,1,1",
        "@everyone\nx,slower,1,1,1",
        "a,<b>slower</b>,1,1,1",
        "a,slower,1e999,1,1",
        "a,slower,one,1,1",
        "a,slower",
        "x" * 201 + ",slower,1,1,1",
    ],
)
def test_what_the_lab_never_writes_gets_no_comment(hub: Hub, tmp_path: Path, row: str) -> None:
    assert "nothing was commented" in comment(hub, tmp_path, HEAD + row + "\n", expect=1)
    assert (hub.comments, hub.asked) == ([], []), "it is refused before anything is asked"


def test_a_table_too_large_or_a_commit_that_is_no_head_any_more_gets_no_comment(hub: Hub, tmp_path: Path) -> None:
    many = HEAD + "ipc.fan/a,same,1,1,1\n" * 200_000
    assert "larger than" in comment(hub, tmp_path, many, expect=1)
    hub.pulls = HEADS[:1]
    assert "nothing was commented" in comment(hub, tmp_path, HEAD + "ipc.fan/a,same,1,1,1\n")
    assert hub.comments == []
