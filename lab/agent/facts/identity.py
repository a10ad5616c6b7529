"""Identity of a target that was started by hand: the hash of its agent, and its container engine."""

from __future__ import annotations

import hashlib
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict


def agent_hash(root: str) -> str:
    """First twelve hexadecimal digits of the SHA-256 over the staged files, as ``lab.targets.stage`` computes it.

    ``root`` is the folder that holds ``__main__.py`` and ``lab/``.
    """
    digest = hashlib.sha256()
    for name, path in sorted(_staged(root).items()):
        with open(path, "rb") as file:
            content = file.read().replace(b"\r\n", b"\n")
        digest.update(("%s\0%d\0" % (name, len(content))).encode())
        digest.update(content)
    return digest.hexdigest()[:12]


def container_engine(root: str = "/") -> str:
    """``docker`` or ``podman``, recognised by the file that each creates in its containers; otherwise ``none``."""
    if os.path.exists(os.path.join(root, "run/.containerenv")):
        return "podman"
    return "docker" if os.path.exists(os.path.join(root, ".dockerenv")) else "none"


def _staged(root: str) -> Dict[str, str]:
    found = {name: os.path.join(root, name) for name in ("__main__.py", "lab/__init__.py")}
    for folder, _, names in os.walk(os.path.join(root, "lab", "agent")):
        for name in names:
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                found[os.path.relpath(path, root).replace(os.sep, "/")] = path
    return found
