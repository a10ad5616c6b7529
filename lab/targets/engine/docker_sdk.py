"""The Docker SDK for Python, imported only when an engine is asked for: its import takes 150 ms."""

from __future__ import annotations

import importlib
from typing import Any

from lab.errors import NothingToRunOn

NO_SDK = (
    "the Docker SDK for Python is not installed in this environment (what `import docker` finds is the lab's own "
    "folder); install the lab's dependencies with `pip install .`, or run natively with --engine none"
)


def sdk() -> Any:  # noqa: ANN401 - a module, which the type checker knows under its own name only
    """The Docker SDK's module.

    Raises:
        NothingToRunOn: it is not installed; the lab's own folder ``docker/`` then answers to its name.
    """
    try:
        module = importlib.import_module("docker")
    except ModuleNotFoundError:
        raise NothingToRunOn(NO_SDK) from None
    if getattr(module, "__file__", None) is None or not hasattr(module, "DockerClient"):
        raise NothingToRunOn(NO_SDK)
    return module


def context_api() -> Any:  # noqa: ANN401 - the stubs do not know that a context may be missing, or have no TLS
    """The SDK's ``ContextAPI``, which reads Docker's contexts.

    Raises:
        NothingToRunOn: the SDK is not installed.
    """
    sdk()
    return importlib.import_module("docker.context").ContextAPI
