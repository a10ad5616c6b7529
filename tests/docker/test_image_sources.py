from __future__ import annotations

import dataclasses
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import docker
import pytest

from lab.errors import EngineError, UsageError
from lab.targets.engine import Engine
from lab.targets.images import Images, choose, list_images, remove_images
from lab.targets.images.build import image_from
from lab.targets.images.catalogue import official_references
from lab.targets.images.host import HostSource, cannot_pack
from lab.targets.images.pack import contents_of, write_tar
from lab.targets.interpreters import Interpreter, find_interpreters, search

pytestmark = pytest.mark.engine
Missing = Callable[[str], NoReturn]
REPOSITORY = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 10.0


def ignore(_message: str) -> None:
    return


@pytest.fixture(scope="session")
def interpreters(engine: Engine, missing: Missing) -> tuple[Interpreter, ...]:
    found = tuple(interpreter for interpreter in find_interpreters() if not interpreter.free_threaded)
    if cannot_pack(engine):
        missing(cannot_pack(engine))
    if not found:
        missing("no interpreter of 3.9 or newer is on this host")
    return found


@pytest.fixture(scope="session")
def packed(engine: Engine, interpreters: tuple[Interpreter, ...]) -> Images:
    return choose(engine, "host", {}, None, ignore, interpreters=interpreters)


@pytest.fixture(scope="session")
def newest(interpreters: tuple[Interpreter, ...]) -> Interpreter:
    known = [interpreter for interpreter in interpreters if interpreter.key in official_references()]
    return known[-1]


@pytest.fixture(scope="session")
def registry(engine: Engine, missing: Missing, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry on loopback; its address."""
    program = shutil.which("docker-registry")
    if program is None:
        missing("docker-registry is not installed (Debian: apt-get install docker-registry)")
    if not engine.is_local:
        missing("the engine is remote, and does not see this machine's loopback")
    folder = tmp_path_factory.mktemp("registry")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    config = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": address},
    }
    (folder / "config.yml").write_text(json.dumps(config))  # JSON is YAML
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "serve", folder / "config.yml"], stdout=log, stderr=log)
    try:
        wait_for(address)
        yield address
    finally:
        process.terminate()
        process.wait(START_TIMEOUT_S)


def wait_for(address: str) -> None:
    host, _, port = address.partition(":")
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline, "the registry does not start"
            time.sleep(0.05)
        else:
            return


@pytest.fixture(scope="session")
def pushed(
    engine: Engine, newest: Interpreter, registry: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, str]:
    """An image that only the registry has, with a layer that the engine has not; its prefix and its reference."""
    unique = tmp_path_factory.mktemp("unique") / "file"
    unique.write_bytes(os.urandom(5_000_000))
    contents = contents_of(newest)
    contents = dataclasses.replace(contents, files={**contents.files, "/unique": unique})
    prefix = f"{registry}/library/"
    reference = prefix + official_references()[newest.key]
    repository, _, tag = reference.rpartition(":")
    file = tmp_path_factory.mktemp("tar") / "base.tar"
    with file.open("wb") as stream:
        write_tar(contents, stream)
    engine.client.api.import_image(str(file), repository=repository, tag=tag)
    for line in engine.client.images.push(repository, tag=tag, stream=True, decode=True):
        assert "error" not in line, line
    engine.client.images.remove(reference)
    return prefix, reference


def facts_of(engine: Engine, reference: str) -> dict[str, Any]:
    told = engine.client.containers.run(
        reference,
        ["--facts"],
        remove=True,
        user="65534",
        read_only=True,
        network_mode="none",
        cap_drop=["ALL"],
        tmpfs={"/tmp": ""},
    )
    facts: dict[str, Any] = json.loads(told)
    return facts


def imported(engine: Engine, name: str) -> str:
    """An image that holds nothing but one text file."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        entry = tarfile.TarInfo("hello")
        entry.size = 5
        tar.addfile(entry, io.BytesIO(b"hello"))
    engine.client.api.import_image_from_data(stream.getvalue(), repository=name, tag="latest")
    return f"{name}:latest"


class TestHost:
    def test_oldest_and_newest_run_as_nobody_with_all_they_import_compiled(
        self, engine: Engine, packed: Images, interpreters: tuple[Interpreter, ...]
    ) -> None:
        chosen = {interpreter.key: interpreter for interpreter in (interpreters[0], interpreters[-1])}
        images = packed.obtain(list(chosen), ignore)
        for key, interpreter in chosen.items():
            facts = facts_of(engine, images[key].reference)
            assert facts["python"] == interpreter.patch
            assert facts["uncached_modules"] == []
            assert facts["build_class"]["compiler"]

    def test_debians_own_interpreter_can_be_packed(self, engine: Engine, missing: Missing) -> None:
        found = search([Path("/usr/bin/python3")]).interpreters
        if not found:
            missing("there is no /usr/bin/python3 of 3.9 or newer")
        image = choose(engine, "host", {}, None, ignore, interpreters=found).obtain([found[0].key], ignore)
        assert facts_of(engine, image[found[0].key].reference)["python"] == found[0].patch

    def test_nobody_can_read_every_file_and_import_every_extension_module(
        self, engine: Engine, packed: Images, newest: Interpreter
    ) -> None:
        code = (
            "import glob, importlib, os, sys\n"
            "folder = next(p for p in sys.path if p.endswith('lib-dynload'))\n"
            "names = [os.path.basename(p).split('.')[0] for p in glob.glob(folder + '/*.so')]\n"
            "for name in names: importlib.import_module(name)\n"
            "closed = [p for top in ('/opt', '/usr', '/home', '/root') for d, _, fs in os.walk(top) for p in\n"
            "  [d, *(os.path.join(d, f) for f in fs)] if not os.access(p, os.R_OK | os.X_OK * os.path.isdir(p))]\n"
            "assert os.getuid() == 65534 and not closed, closed[:5]\n"
            "print(len(names))"
        )
        image = packed.obtain([newest.key], ignore)[newest.key]
        told = engine.client.containers.run(
            image.reference, ["-I", "-c", code], entrypoint="/usr/local/bin/python", remove=True, network_mode="none"
        )
        assert int(told) >= 30

    def test_an_image_is_built_once(self, engine: Engine, newest: Interpreter) -> None:
        source = HostSource(engine, [newest])
        base = source.base(newest.key, ignore)
        assert source.base(newest.key, ignore) == base
        base = dataclasses.replace(base, digest=f"sha256:{uuid.uuid4().hex}")  # nobody has built on that one yet
        first = image_from(engine, base, ignore)
        try:
            second = image_from(engine, base, ignore)
            assert (first.built, second.built) == (True, False)
            assert first.image_id == second.image_id
            (row,) = [row for row in list_images(engine) if row.reference == first.reference]
            assert (row.python, row.source, row.base_digest) == (newest.key, "host", base.digest)
        finally:
            removed = remove_images(engine, only=[first.reference])
        assert removed == (first.reference,)
        assert first.reference not in [row.reference for row in list_images(engine)]

    def test_an_unknown_version_names_those_that_there_are(self, packed: Images, newest: Interpreter) -> None:
        with pytest.raises(UsageError, match=rf"Python 3\.99 is not available .*{newest.key}.*--image 3\.99=REF"):
            packed.obtain(["3.99"], ignore)


class TestGiven:
    def test_a_named_image_goes_before_the_source(
        self, engine: Engine, interpreters: tuple[Interpreter, ...], newest: Interpreter
    ) -> None:
        base = HostSource(engine, [newest]).base(newest.key, ignore)
        images = choose(engine, "host", {newest.key: base.reference}, None, ignore, interpreters=interpreters)
        image = images.obtain([newest.key], ignore)[newest.key]
        try:
            assert (image.source, image.base_reference) == ("given", base.reference)
        finally:
            remove_images(engine, only=[image.reference])

    def test_another_version_than_was_said_is_refused(self, engine: Engine, newest: Interpreter) -> None:
        base = HostSource(engine, [newest]).base(newest.key, ignore)
        images = choose(engine, "host", {"3.99": base.reference}, None, ignore, interpreters=[newest])
        with pytest.raises(UsageError, match=rf"is Python {newest.key}, not 3\.99"):
            images.obtain(["3.99"], ignore)

    def test_a_base_without_python_is_refused_in_one_sentence(self, engine: Engine) -> None:
        reference = imported(engine, f"lab-test-{uuid.uuid4().hex[:8]}")
        before = {row.reference for row in list_images(engine)}
        try:
            with pytest.raises(EngineError, match="has no /usr/local/bin/python: name an image of CPython"):
                choose(engine, "registry", {"3.99": reference}, None, ignore).obtain(["3.99"], ignore)
            (left,) = {row.reference for row in list_images(engine)} - before
            assert remove_images(engine, only=[left]) == (left,)
        finally:
            engine.client.images.remove(reference)


class TestRegistry:
    def test_a_pull_reports_bytes_and_records_the_digest(
        self, engine: Engine, newest: Interpreter, pushed: tuple[str, str]
    ) -> None:
        prefix, reference = pushed
        said: list[str] = []
        told: list[str] = []
        images = choose(engine, "auto", {}, prefix, said.append)
        assert said == ["Images: the official ones, from the registry."]
        image = images.obtain([newest.key], told.append)[newest.key]
        try:
            (pulled,) = [line for line in told if line.startswith(f"{newest.key}: pulled {reference}, ")]
            done, _, total = pulled.rpartition(", ")[2].partition(" of ")
            assert done == total
            assert float(total.removesuffix(" MB")) > 5
            assert (image.source, image.base_reference) == ("registry", reference)
            known = engine.client.images.get(reference).attrs["RepoDigests"]
            assert f"{reference.rpartition(':')[0]}@{image.base_digest}" in known
            assert facts_of(engine, image.reference)["python"] == newest.patch
            assert not images.obtain([newest.key], ignore)[newest.key].built
        finally:
            remove_images(engine, only=[image.reference])
            engine.client.images.remove(reference)

    def test_a_missing_tag_is_reported(self, engine: Engine, registry: str) -> None:
        with pytest.raises(EngineError, match="does not exist there"):
            choose(engine, "registry", {}, f"{registry}/nowhere/", ignore).obtain(["3.9"], ignore)

    def test_a_registry_out_of_reach_is_reported_and_auto_packs(
        self, engine: Engine, interpreters: tuple[Interpreter, ...]
    ) -> None:
        said: list[str] = []
        with pytest.raises(EngineError, match="does not reach its registry"):
            choose(engine, "registry", {}, "127.0.0.1:9/library/", ignore).obtain(["3.13"], ignore)
        images = choose(engine, "auto", {}, "127.0.0.1:9/library/", said.append, interpreters=interpreters)
        assert images.source == "host"
        assert len(said) == 1
        assert "packed from this host's interpreters" in said[0]


@pytest.mark.skipif(sys.platform == "win32", reason="the packed base needs a Linux host")
def test_the_dockerfile_alone_makes_an_image_by_hand(engine: Engine, newest: Interpreter, missing: Missing) -> None:
    program = shutil.which("docker")
    if program is None or engine.name != "docker":
        missing("the docker command is not installed")
    base = HostSource(engine, [newest]).base(newest.key, ignore)
    tag = f"lab-test-{uuid.uuid4().hex[:8]}"
    command = [program, "build", "-f", "docker/Dockerfile", "--build-arg", f"BASE={base.reference}", "-t", tag, "."]
    variables = {**os.environ, "DOCKER_HOST": engine.address, "DOCKER_BUILDKIT": "0"}
    done = subprocess.run(command, cwd=REPOSITORY, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    try:
        assert facts_of(engine, tag)["python"] == newest.patch
        assert "by hand" in [row.source for row in list_images(engine) if row.reference.startswith(tag)]
    finally:
        engine.client.images.remove(tag)


def test_the_sdk_under_test_is_the_real_one() -> None:
    assert docker.__file__
