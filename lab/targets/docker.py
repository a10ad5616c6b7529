"""Docker and Podman targets: one fresh, isolated container per block.

Container options: no network (or a private one where a scenario needs a sidecar), not root, read-only root file system
with a tmpfs on /tmp, no capabilities, no new privileges, an init process that reaps, limits on processes and memory, no
Docker socket, no bind mount (so that a remote engine works as well).
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

from lab.agent.protocol import REQUEST_VARIABLE, REQUEST_VARIABLE_LIMIT
from lab.errors import EngineError, TargetUnsupported
from lab.model import Diagnosis, ImageRecord, RunWith, Target
from lab.targets import sidecar
from lab.targets.available import Available, above_container, container_cpus, is_here
from lab.targets.cleanup import OWNER_LABEL, RUN_LABEL, left_by
from lab.targets.engine import Engine, with_remedy
from lab.targets.images import Image
from lab.targets.images.model import PYTHON_IN_IMAGE
from lab.targets.owners import owner
from lab.targets.request import Request
from lab.targets.topology import chosen_cpus, read_cpus

if TYPE_CHECKING:
    from docker.models.containers import Container

NOBODY = "65534:65534"
SHM_BYTES = 256 * 1024**2
MEMORY_BYTES = 4 * 1024**3
PIDS = 512
TAIL_CHARACTERS = 400
SILENCE_GRACE_S = 60.0
NOWHERE = Path("/nonexistent")  # the files of this machine do not describe the CPUs of a remote engine


class DockerRunning:
    """The agent in a container."""

    def __init__(
        self, container: Container, chunks: Iterator[tuple[bytes | None, bytes | None]], silence_s: float
    ) -> None:
        self._container = container
        self._chunks = chunks
        self._complaints = b""
        self._silence_s = silence_s
        self._heard_at = time.monotonic()
        self._ended = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def lines(self) -> Iterator[str]:
        """Whole lines of the container's standard output; its standard error is kept for ``why_ended``."""
        rest = b""
        try:
            for out, complaint in self._chunks:
                self._heard_at = time.monotonic()
                self._complaints = (self._complaints + (complaint or b""))[-TAIL_CHARACTERS:]
                *whole, rest = (rest + (out or b"")).split(b"\n")
                for line in whole:
                    yield line.decode("utf-8", "replace")
        finally:
            self._ended.set()

    def why_ended(self) -> str:
        """Say in words how the container ended: exit code, out-of-memory kill, the end of its standard error."""
        from docker.errors import DockerException

        try:
            self._container.reload()
            state = self._container.attrs["State"]
        except DockerException:
            return "the container is gone: it was removed from outside"
        if state.get("Running"):
            state["ExitCode"] = self._container.wait(timeout=30)["StatusCode"]
        words = f"the container ended with exit code {state['ExitCode']}"
        if state.get("OOMKilled"):
            words += f", killed because it was out of memory (its limit is {MEMORY_BYTES // 1024**2} MiB)"
        elif state["ExitCode"] == 137:  # noqa: PLR2004 - 128 + SIGKILL
            words += " (killed)"
        tail = self._complaints.decode("utf-8", "replace").strip()
        return f"{words}{': ' + tail if tail else ''}"

    def close(self) -> None:
        """Stop watching the container."""
        self._ended.set()

    def _watch(self) -> None:
        """Kill a container that has said nothing for longer than any cell's deadline."""
        while not self._ended.wait(self._silence_s):
            if time.monotonic() - self._heard_at > self._silence_s:
                with contextlib.suppress(Exception):
                    self._container.kill()
                return


class DockerRunner:
    """Runs the agent in containers of one engine."""

    def __init__(self, engine: Engine, images: Mapping[str, Image], run_id: str) -> None:
        self._engine = engine
        self._images = images
        self._run_id = run_id
        self._above = Available()
        allowed = container_cpus(engine)
        self._cpus = read_cpus(allowed) if is_here(engine) else read_cpus(allowed, NOWHERE)

    def examine(self, say: Callable[[str], None]) -> None:
        """Start one idle container before the run: does the engine start any, and what limits those it starts?

        Raises:
            EngineError: it starts none, which no target would survive.
        """
        from docker.errors import DockerException

        image = next(iter(self._images.values())).reference
        idle = [PYTHON_IN_IMAGE, "-I", "-c", "import time; time.sleep(60)"]
        try:
            container = self._engine.client.containers.create(
                image, entrypoint=idle, **self._usual_options(), network_mode="none"
            )
            try:
                container.start()
                container.reload()
                pid, own_id = container.attrs["State"]["Pid"], container.attrs["Id"]
                found = above_container(pid, own_id) if is_here(self._engine) else None
            finally:
                container.remove(force=True, v=True)
        except DockerException as error:
            raise EngineError(
                f"{self._engine.name} at {self._engine.address} starts no container: {with_remedy(error)}"
            ) from None
        if found is None:
            return
        self._above = found
        if found.numbers:
            self._cpus = read_cpus(found.numbers)
        if found.quota_cpus is not None:
            say(f"containers that need more CPUs are unsupported: {found.quota_sentence()}")

    def _unsupported_reason(self, target: Target) -> str:
        """Why the engine cannot give a target what it needs, with the next step; empty where it can."""
        needs_all = target.limit.mode == "cpuset" and target.limit.cpus == len(self._cpus)
        lack = "" if needs_all else self._engine.lack_sentence(target.limit.mode)
        return lack or self._above.too_tight_for(target.limit.cpus)

    def cpus_for(self, target: Target, round_number: int) -> list[int] | None:
        """The CPUs of the container's cpuset; None under a quota, which leaves all CPUs visible."""
        match target.limit.mode:
            case "cpuset":
                return chosen_cpus(self._cpus, int(target.limit.cpus), round_number)
            case "quota" | "affinity" | "none":
                return None
            case _:
                assert_never(target.limit.mode)

    @contextlib.contextmanager
    def start(self, target: Target, cpus: list[int] | None, request: Request) -> Iterator[DockerRunning]:
        """Create a container, attach to it, start it; it is removed on every way out.

        Raises:
            EngineError: the engine refuses the container.
            TargetUnsupported: the engine, or a group above its containers, does not leave the target its limit.
        """
        from docker.errors import DockerException

        if reason := self._unsupported_reason(target):
            raise TargetUnsupported(reason)
        image = self._images[target.key].reference
        options = self._options(target, cpus)
        running: DockerRunning | None = None
        stack = contextlib.ExitStack()
        try:
            if request.sidecar:
                network, settings = stack.enter_context(
                    sidecar.start(self._engine, image, request.sidecar, options, self._label)
                )
                options["network"] = network
                request = request.with_sidecar(settings)
            else:
                options["network_mode"] = "none"
            options["environment"] = {**options["environment"], REQUEST_VARIABLE: packed(request)}
            container = self._engine.client.containers.create(image, **options)
        except (DockerException, EngineError) as error:
            stack.close()
            raise EngineError(f"the engine refuses a container for {target.id}: {with_remedy(error)}") from None
        try:
            chunks = container.attach(stdout=True, stderr=True, stream=True, demux=True)
            container.start()
            longest_s = max((cell.deadline_s for cell in request.cells), default=0.0)
            running = DockerRunning(container, chunks, longest_s + SILENCE_GRACE_S)
            yield running
        except DockerException as error:
            raise EngineError(f"the container for {target.id} cannot be run: {error}") from None
        finally:
            if running is not None:
                running.close()
            with contextlib.suppress(DockerException):
                container.remove(force=True, v=True)
            stack.close()

    def remove_leftovers(self, run_id: str) -> int:
        """Remove containers and networks that carry the run's label."""
        return left_by(self._engine, run_id).remove()

    def describe(self, target: Target) -> RunWith:
        """The image that the target runs, for the manifest."""
        image = self._images[target.key]
        return RunWith(
            image=ImageRecord(
                reference=image.reference,
                image_id=image.image_id,
                source=image.source,
                base_reference=image.base_reference,
                base_digest=image.base_digest,
                size_bytes=image.size_bytes,
            )
        )

    @property
    def _label(self) -> dict[str, str]:
        return {RUN_LABEL: self._run_id, OWNER_LABEL: owner()}

    def _options(self, target: Target, cpus: list[int] | None) -> dict[str, Any]:
        limits: dict[str, Any] = {}
        if target.limit.is_quota:
            period_us = target.limit.period_us
            limits = {"cpu_period": period_us, "cpu_quota": round(target.limit.cpus * period_us)}
        elif cpus is not None and "cpuset" not in self._engine.lacks:
            limits = {"cpuset_cpus": ",".join(map(str, cpus))}
        usual = self._usual_options()
        return {
            **usual,
            **limits,
            "labels": {**usual["labels"], "comparison-lab.target": target.id},
            "security_opt": [*usual["security_opt"], *without(target.diagnose)],
        }

    def _usual_options(self) -> dict[str, Any]:
        """The options of every container, whatever its target."""
        memory = [MEMORY_BYTES, self._above.memory_bytes, int(self._engine.memory_bytes * 0.9)]
        return {
            "environment": {"OMP_NUM_THREADS": "1"},
            "use_config_proxy": False,  # neither proxies nor their passwords of Docker's config.json are measured
            "labels": self._label,
            "user": NOBODY,
            "read_only": True,
            "tmpfs": {"/tmp": "rw,nosuid,nodev,size=512m,mode=1777"},  # noqa: S108 - the container's own
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "init": True,
            "pids_limit": PIDS,
            "mem_limit": min(limit for limit in memory if limit),
            "shm_size": SHM_BYTES,
            # The engine's own log of the output would be written by the CPUs that are measured.
            "log_config": {"type": "none", "config": {}},
            "stdin_open": False,
        }


def without(diagnosis: Diagnosis | None) -> tuple[str, ...]:
    """The security options of a diagnostic target."""
    match diagnosis:
        case None:
            return ()
        case "seccomp":
            return ("seccomp=unconfined",)
        case _:
            assert_never(diagnosis)


def packed(request: Request) -> str:
    """The request as text for an environment variable.

    Raises:
        EngineError: the text is longer than an environment variable may be.
    """
    text = request.packed()
    if len(text) > REQUEST_VARIABLE_LIMIT:
        raise EngineError("the block's request is too large for one container; choose fewer cells with --scenario")
    return text
