from __future__ import annotations

import io
import os
import re
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from lab.agent.facts.bytecode import UNUSED
from lab.errors import UsageError
from lab.targets.images.build import build_context, image_tag
from lab.targets.images.catalogue import docker_file, official_references
from lab.targets.images.host import is_hidden
from lab.targets.images.model import Base
from lab.targets.images.pack import EXCLUDED_FILES, EXCLUDED_FOLDERS, Contents, library_files, parse_ldd, write_tar
from lab.targets.images.registry import Layers, check_key, explain, split_reference, with_prefix
from lab.targets.interpreters import Interpreter, key_order

BASE = Base(key="3.13", reference="python:3.13-slim", digest="sha256:aa", source="registry")

LDD = """\
/opt/py/bin/python3.13:
\tlinux-vdso.so.1 (0x00007f33dcc3b000)
\tlibpython3.13.so.1.0 => /opt/py/lib/libpython3.13.so.1.0 (0x00007f33dc600000)
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f33dc41e000)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f33dcc3d000)
/opt/py/lib/python3.13/lib-dynload/_x.so:
\tlibgone.so.3 => not found
\tlibwith space.so => /opt/a b/libwith space.so (0x00007f33dc600000)
/opt/py/bin/static:
\tnot a dynamic executable
"""


def test_the_list_of_official_images_is_whole_and_in_order() -> None:
    references = official_references()
    assert list(references) == sorted(references, key=key_order)
    assert next(iter(references)) == "3.9"
    assert {"3.13", "3.14", "3.15"} <= set(references)
    assert all(re.fullmatch(r"python:\d\.\d+-slim", reference) for reference in references.values())


def test_the_dockerfile_runs_where_there_is_no_shell() -> None:
    lines = docker_file("Dockerfile").decode().splitlines()
    for instruction in ("RUN", "ENTRYPOINT"):
        found = [line for line in lines if line.startswith(instruction)]
        assert found
        assert all(line.startswith(f'{instruction} ["/usr/local/bin/python"') for line in found)
    assert not [line for line in lines if "--mount" in line or line.startswith("# syntax")]


def test_another_base_has_another_name_and_the_same_one_the_same() -> None:
    assert re.fullmatch(r"comparison-lab:py313-[0-9a-f]{12}", image_tag(BASE))
    assert image_tag(BASE) == image_tag(replace(BASE, reference="mirror/python:3.13-slim"))
    assert image_tag(BASE) != image_tag(replace(BASE, digest="sha256:bb"))


def test_the_build_context_is_readable_by_everybody_and_holds_the_agent_alone() -> None:
    with tarfile.open(fileobj=io.BytesIO(build_context())) as tar:
        members = tar.getmembers()
    assert {"Dockerfile", "lab/__init__.py", "lab/agent/main.py", "lab/agent/stage_main.py"} <= {
        m.name for m in members
    }
    assert all(member.mode == 0o644 and member.mtime == 0 for member in members)
    assert all(re.fullmatch(r"Dockerfile|lab/__init__\.py|lab/agent/.*\.py", member.name) for member in members)


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("python", ("python", "latest")),
        ("python:3.13-slim", ("python", "3.13-slim")),
        ("127.0.0.1:5000/library/python", ("127.0.0.1:5000/library/python", "latest")),
        ("127.0.0.1:5000/library/python:3.13-slim", ("127.0.0.1:5000/library/python", "3.13-slim")),
        ("python@sha256:aa", ("python", "sha256:aa")),
    ],
)
def test_a_port_is_not_taken_for_a_tag(reference: str, parts: tuple[str, str]) -> None:
    assert split_reference(reference) == parts


def test_a_prefix_may_end_in_a_slash_or_not() -> None:
    for prefix in ("127.0.0.1:5000/library", "127.0.0.1:5000/library/"):
        assert with_prefix(prefix, "python:3.13-slim") == "127.0.0.1:5000/library/python:3.13-slim"
    assert with_prefix(None, "python:3.13-slim") == "python:3.13-slim"


@pytest.mark.parametrize(
    ("message", "part"),
    [
        ("manifest for python:4 not found: manifest unknown: manifest unknown", "does not exist"),
        ("pull access denied for x, repository does not exist or may require 'docker login'", "docker login"),
        ("toomanyrequests: You have reached your pull rate limit", "use a mirror"),
        ("dial tcp: lookup registry-1.docker.io on 10.0.0.1:53: no such host", "does not reach"),
        ("x509: certificate signed by unknown authority", "certificate"),
        ("something new", "cannot be pulled: something new"),
    ],
)
def test_each_failed_pull_is_explained(message: str, part: str) -> None:
    assert part in explain("python:4", message)


def test_progress_counts_the_bytes_of_all_layers() -> None:
    layers = Layers()
    layers.note({"id": "a", "status": "Downloading", "progressDetail": {"current": 1_000_000, "total": 4_000_000}})
    layers.note({"id": "b", "status": "Downloading", "progressDetail": {"current": 500_000, "total": 1_000_000}})
    assert layers.words() == "1.5 MB of 5.0 MB"
    layers.note({"id": "a", "status": "Download complete", "progressDetail": {}})
    assert layers.words() == "4.5 MB of 5.0 MB"
    layers.note({"id": "b", "status": "Extracting", "progressDetail": {"current": 3, "total": 1_000_000}})
    assert layers.words() == "5.0 MB of 5.0 MB"


def test_what_is_no_version_cannot_be_given_an_image() -> None:
    with pytest.raises(UsageError, match=r"--image py3=ref"):
        check_key("py3", "ref")
    with pytest.raises(UsageError, match="names no image"):
        check_key("3.13", "")


def test_a_loader_of_the_interpreters_own_is_packed_under_its_own_name() -> None:
    line = "\t/opt/py/lib/ld-linux-x86-64.so.2 => /lib64/ld-linux-x86-64.so.2 (0x00007fe5d9efb000)\n"
    assert [str(path) for path in parse_ldd(line)] == ["/opt/py/lib/ld-linux-x86-64.so.2"]


def test_ldd_is_read_with_loader_and_without_what_is_no_file() -> None:
    assert [str(path) for path in parse_ldd(LDD)] == [
        "/opt/py/lib/libpython3.13.so.1.0",
        "/lib/x86_64-linux-gnu/libc.so.6",
        "/lib64/ld-linux-x86-64.so.2",
        "/opt/a b/libwith space.so",
    ]


def test_what_is_left_out_is_what_the_agent_never_compiles() -> None:
    names = re.findall(r"[a-z0-9_-]+", UNUSED.partition("(")[2].partition(")")[0].replace("config-[^\\\\/]*", ""))
    assert all(EXCLUDED_FOLDERS.fullmatch(name) for name in names if name != "config-")
    assert EXCLUDED_FOLDERS.fullmatch("config-3.13-x86_64-linux-gnu")


def test_the_library_is_packed_without_tests_tk_and_the_hosts_own_settings(tmp_path: Path) -> None:
    kept = ["os.py", "json/decoder.py", "lib-dynload/_json.so", "unittest/case.py"]
    left = [
        "test/test_os.py", "site-packages/x.py", "tkinter/a.py", "__pycache__/os.pyc", "sitecustomize.py",
        "lib-dynload/_tkinter.cpython-313.so", "lib-dynload/_testcapi.so", "config-3.13/libpython.a",
        "unittest/test/x.py",
    ]  # fmt: skip
    for name in kept + left:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert sorted(path.relative_to(tmp_path).as_posix() for path in library_files(tmp_path)) == sorted(kept)
    assert not EXCLUDED_FILES.fullmatch("_ctypes.cpython-313-x86_64-linux-gnu.so")


@pytest.mark.skipif(os.name == "nt", reason="only Linux hosts pack")
def test_the_tar_is_the_same_for_the_same_content_and_readable_by_nobody(tmp_path: Path) -> None:
    secret, program = tmp_path / "secret.py", tmp_path / "program"
    secret.write_text("x = 1")
    secret.chmod(0o600)
    program.write_text("#!")
    program.chmod(0o700)
    contents = Contents(
        files={"/home/me/secret.py": secret, "/home/me/program": program},
        links={"/usr/local/bin/python": "/home/me/program"},
    )
    before, stream = contents.fingerprint(), io.BytesIO()
    digest = write_tar(contents, stream)
    os.utime(secret, ns=(1, 1))
    assert write_tar(contents, io.BytesIO()) == digest
    assert contents.fingerprint() != before
    stream.seek(0)
    with tarfile.open(fileobj=stream) as tar:
        found = {member.name: member for member in tar.getmembers()}
    assert [found[name].mode for name in ("home", "home/me/secret.py", "home/me/program", "tmp")] == [
        0o755, 0o644, 0o755, 0o1777,
    ]  # fmt: skip
    assert found["usr/local/bin/python"].linkname == "/home/me/program"
    assert {(member.uid, member.gid, member.mtime) for member in found.values()} == {(0, 0, 0)}
    assert "etc/passwd" in found


def test_an_interpreter_below_tmp_is_not_packed_for_containers_would_not_see_it() -> None:
    def at(prefix: str) -> Interpreter:
        return Interpreter(
            version="3.13", patch="3.13.0", free_threaded=False, executable=Path(prefix, "bin", "python3.13"),
            prefix=Path(prefix), os="linux", arch="x86_64",
        )  # fmt: skip

    assert is_hidden(at("/tmp/build/python"))
    assert not is_hidden(at("/opt/python"))
    assert not is_hidden(at("/usr"))
