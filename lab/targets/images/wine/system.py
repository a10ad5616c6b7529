"""The Debian system below Wine: from the registry, else made by debootstrap on this host."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
import threading

from lab.errors import EngineError, NothingToRunOn
from lab.targets.engine import Engine
from lab.targets.engine.endpoints import sdk
from lab.targets.images.build import import_base
from lab.targets.images.catalogue import docker_file
from lab.targets.images.model import BASE_REPOSITORY, LABEL_SOURCE, Progress

OFFICIAL = "debian:trixie-slim"
REMEDY = (
    f"let the engine reach a registry, or bring {OFFICIAL} into it, or run as root on a Debian with debootstrap "
    "(apt-get install debootstrap)"
)
ONE_AT_A_TIME = threading.Lock()  # images of several versions are obtained concurrently, on one system


def system_image(engine: Engine, progress: Progress) -> str:
    """A reference of the system: the one made before, Debian's own image, or one made now.

    Raises:
        EngineError: debootstrap failed.
        NothingToRunOn: neither a registry nor debootstrap is available.
    """
    with ONE_AT_A_TIME:
        return _found_or_made(engine, progress)


def _found_or_made(engine: Engine, progress: Progress) -> str:
    script = docker_file("wine/bootstrap")
    own = f"{BASE_REPOSITORY}:wine-system-{hashlib.sha256(script).hexdigest()[:12]}"
    if _present(engine, own):
        return own
    if _present(engine, OFFICIAL) or _pulled(engine):
        return OFFICIAL
    if not shutil.which("debootstrap"):
        raise NothingToRunOn(f"no Debian for Wine is available: {REMEDY}")
    progress("Wine: making a Debian with debootstrap, about two minutes")
    with tempfile.NamedTemporaryFile() as packed:
        done = subprocess.run(["bash", "-s"], input=script, stdout=packed, stderr=subprocess.PIPE, check=False)
        if done.returncode:
            raise EngineError(f"debootstrap failed: {done.stderr.decode(errors='replace').strip()[-300:]}; {REMEDY}")
        return import_base(engine, packed.name, own.removeprefix(f"{BASE_REPOSITORY}:"), {LABEL_SOURCE: "wine"})


def _present(engine: Engine, reference: str) -> bool:
    try:
        engine.client.images.get(reference)
    except sdk().errors.ImageNotFound:
        return False
    return True


def _pulled(engine: Engine) -> bool:
    try:
        engine.client.images.pull(OFFICIAL)
    except sdk().errors.APIError:
        return False
    return True
