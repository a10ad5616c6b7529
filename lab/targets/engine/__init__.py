"""The container engine: how one is found, and what it says about itself.

The Docker SDK speaks to Docker since 20.10 and to Podman's socket. Its import costs 150 ms, so it happens in here only
when an engine is asked for.
"""

from __future__ import annotations

import contextlib
import importlib.util
import socket
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from lab.errors import EngineError, NothingToRunOn
from lab.model import CpuMode, EngineRecord
from lab.targets.engine.endpoints import Endpoint, endpoints, public_address, sdk
from lab.targets.interpreters import normal_arch

if TYPE_CHECKING:
    import docker

EngineName = Literal["docker", "podman"]
Answer = Literal["listens", "missing", "refused"]

LOCAL_SCHEMES = ("unix://", "npipe://")
PROBE_TIMEOUT_S = 5.0  # an endpoint that does not answer must not hold up the run
NAMED_TIMEOUT_S = 15.0  # nothing else is tried, and a service that a socket starts may take long for its first answer
CLIENT_TIMEOUT_S = 120
PERMISSION_REMEDY = (
    "add yourself to the group that owns it (`sudo usermod -aG docker $USER`, then log in again), use a rootless "
    "engine, or start the lab with sudo"
)
OTHER_ENGINE = (
    "start that engine, choose another with --context NAME or DOCKER_HOST, or run natively with --engine none"
)
NO_SSH = "it is reached by ssh, which needs another package: install it with `pip install 'comparison-lab[ssh]'`"
DELEGATION = (
    "delegate it (sudo mkdir -p /etc/systemd/system/user@.service.d && printf '[Service]\\nDelegate=cpu cpuset io "
    "memory pids\\n' | sudo tee /etc/systemd/system/user@.service.d/delegate.conf && sudo systemctl daemon-reload) and "
    "log in again, or use the system's engine"
)
NO_DELEGATION = (
    "only cgroup v2 can delegate it: boot with systemd.unified_cgroup_hierarchy=1, or use the system's engine"
)
LIMITS: Mapping[CpuMode, tuple[str, str, str]] = {  # key of `docker info`, controller, word
    "cpuset": ("CPUSet", "cpuset", "cpusets"),
    "quota": ("CpuCfsQuota", "cpu", "quotas"),
}


# What engines say about containers that they cannot start, in lower case -> what the user can do about it.
INIT_REMEDY = "install catatonit, the init process of Podman's containers (apt-get install catatonit)"
FAULTS: Mapping[str, str] = {
    "container-init": INIT_REMEDY,
    "catatonit": INIT_REMEDY,
    "hybrid mode": 'crun refuses hybrid control groups: install runc, and write runtime = "runc" below [engine] in '
    "/etc/containers/containers.conf",
    "/dev/net/tun": "sudo chmod 666 /dev/net/tun, without which a rootless engine makes no network",
    "rlimit": 'write default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"] below [containers] in '
    "/etc/containers/containers.conf, since the usual ones exceed the limits of this machine",
}


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A container engine that answered, and what it says about itself."""

    name: EngineName
    version: str
    api_version: str
    address: str  # without a password
    is_local: bool  # reached through a socket of this machine (which may still lead into a virtual machine)
    cpus: int
    memory_bytes: int
    os: str  # of the containers
    arch: str
    operating_system: str
    kernel: str
    cgroup_version: str
    cgroup_driver: str = ""  # cgroupfs, systemd
    containerd_images: bool = False  # images in containerd's store, where an id is the digest of a manifest
    rootless: bool
    runtime: str
    runtime_commit: str
    components: dict[str, str]  # name -> version of what the engine is made of: Engine, containerd, runc or crun, …
    storage_driver: str
    security_options: tuple[str, ...]
    warnings: tuple[str, ...]
    remarks: tuple[str, ...]  # sentences the user should see, such as another engine that refused permission
    lacks: tuple[CpuMode, ...] = ()  # limits that it cannot set: it would start containers without them
    client: docker.DockerClient = field(repr=False, compare=False)
    endpoint: Endpoint = field(repr=False, compare=False)

    def second_client(self, timeout_s: float) -> docker.DockerClient:
        """Another connection to the same engine, whose requests give up after ``timeout_s`` seconds."""
        return _client(self.endpoint, timeout_s)

    def lack_sentence(self, mode: CpuMode) -> str:
        """Why the engine cannot set limits of this mode, and the command that lets it; empty where it can."""
        if mode not in self.lacks:
            return ""
        remedy = DELEGATION if self.cgroup_version == "2" else NO_DELEGATION
        whose = f"rootless {self.name}" if self.rootless else self.name
        return (
            f"{whose} sets no {LIMITS[mode][2]} here, because its control group lacks the controller "
            f"{LIMITS[mode][1]}; {remedy}"
        )

    def provenance(self) -> EngineRecord:
        """What a manifest records: everything but the connection."""
        return EngineRecord(**{name: getattr(self, name) for name in EngineRecord.__struct_fields__})


def connect(kind: Literal["auto", "docker", "podman"] = "auto", context: str | None = None) -> Engine:
    """The first engine of this kind that answers; with ``context`` (``--context``) only the one of that context.

    Raises:
        NothingToRunOn: nothing answers, or the SDK is missing.
        EngineError: an engine refuses permission, fails, or runs Windows containers, or the one that the user named
            does not answer.
    """
    return first_answering(endpoints(kind, context), kind)


def first_answering(candidates: Iterable[Endpoint], kind: str) -> Engine:
    """The engine at the first endpoint that answers; refusals by the others are kept as remarks."""
    tried: list[str] = []
    refusals: list[str] = []
    for endpoint in candidates:
        where = public_address(endpoint.url)
        answer = probe(endpoint)
        if answer == "refused":
            refusals.append(f"an engine at {where} refuses permission: {PERMISSION_REMEDY}")
        if answer != "listens":
            tried.append(where)
            if endpoint.only:
                raise EngineError(
                    refusals[-1]
                    if answer == "refused"
                    else f"{where}, named by {endpoint.origin}, does not answer: nothing listens there; {OTHER_ENGINE}"
                )
            continue
        engine = describe(endpoint, kind, tuple(refusals))
        if isinstance(engine, Engine):
            return engine
        if endpoint.only:
            raise EngineError(engine)
        tried.append(f"{where} ({engine})")
    if refusals:
        raise EngineError(refusals[0])
    raise NothingToRunOn(
        f"no {'container engine' if kind == 'auto' else kind} answers (tried {', '.join(tried) or 'nothing'}): "
        "start it, name it with DOCKER_HOST, or run natively with --engine none"
    )


def probe(endpoint: Endpoint) -> Answer:
    """Whether a UNIX socket is listening; every other endpoint is left to ``describe``."""
    if not endpoint.url.startswith("unix://") or not hasattr(socket, "AF_UNIX"):
        return "listens"
    with socket.socket(socket.AF_UNIX) as probing:
        probing.settimeout(PROBE_TIMEOUT_S)
        try:
            probing.connect(endpoint.url.removeprefix("unix://"))
        except PermissionError:
            return "refused"
        except OSError:
            return "missing"
    return "listens"


def describe(endpoint: Endpoint, kind: str, remarks: tuple[str, ...] = ()) -> Engine | str:
    """Describe the engine at an endpoint, or say why it cannot be used.

    Raises:
        EngineError: it runs Windows containers.
    """
    module = sdk()
    where = public_address(endpoint.url)
    if endpoint.url.startswith("ssh://") and importlib.util.find_spec("paramiko") is None:
        return f"{where}, named by {endpoint.origin}, cannot be used: {NO_SSH}"
    try:
        with contextlib.closing(_client(endpoint, NAMED_TIMEOUT_S if endpoint.only else PROBE_TIMEOUT_S)) as hasty:
            version, info = hasty.version(), hasty.info()
        client = _client(endpoint, CLIENT_TIMEOUT_S)
    except (module.errors.DockerException, OSError) as error:
        if isinstance(error.__context__, PermissionError) or "Permission denied" in str(error):
            return f"{where} refuses permission: {PERMISSION_REMEDY}"
        cause = _root_cause(error).replace(endpoint.url, where)  # without a password
        return f"{where}, named by {endpoint.origin}, does not answer: {cause}; {OTHER_ENGINE}"
    name = _name(version)
    if kind not in ("auto", name):
        return f"{where} is {name}, not {kind}"
    if info.get("OSType") == "windows":
        raise EngineError(
            f"the engine at {where} runs Windows containers: switch it to Linux containers (Docker Desktop's "
            "menu), or run natively with --engine none"
        )
    return _described(endpoint=endpoint, name=name, version=version, info=info, client=client, remarks=remarks)


def _client(endpoint: Endpoint, timeout_s: float) -> docker.DockerClient:
    made: docker.DockerClient = sdk().DockerClient(
        base_url=endpoint.url, tls=endpoint.tls, timeout=timeout_s, use_ssh_client=endpoint.url.startswith("ssh://")
    )
    return made


def _name(version: dict[str, Any]) -> EngineName:
    components = [str(part.get("Name", "")) for part in version.get("Components") or ()]
    return "podman" if any("podman" in name.lower() for name in components) else "docker"


def _described(
    *,
    endpoint: Endpoint,
    name: EngineName,
    version: dict[str, Any],
    info: dict[str, Any],
    client: docker.DockerClient,
    remarks: tuple[str, ...],
) -> Engine:
    security = tuple(str(option) for option in info.get("SecurityOptions") or ())
    rootless = bool(info.get("Rootless")) or any("rootless" in option for option in security)
    controllers = _podman_controllers(client) if name == "podman" and rootless else None
    return Engine(
        name=name,
        version=str(version.get("Version", "")),
        api_version=str(version.get("ApiVersion", "")),
        address=public_address(endpoint.url),
        is_local=endpoint.url.startswith(LOCAL_SCHEMES),
        cpus=int(info.get("NCPU") or 1),
        memory_bytes=int(info.get("MemTotal") or 0),
        os=str(info.get("OSType") or "linux"),
        arch=normal_arch(str(info.get("Architecture", ""))),
        operating_system=str(info.get("OperatingSystem", "")),
        kernel=str(info.get("KernelVersion", "")),
        cgroup_version=str(info.get("CgroupVersion") or "1"),
        cgroup_driver=str(info.get("CgroupDriver") or ""),
        containerd_images="io.containerd.snapshotter" in str(info.get("DriverStatus")),
        rootless=rootless,
        runtime=str(info.get("DefaultRuntime", "")),
        runtime_commit=str((info.get("RuncCommit") or {}).get("ID", "")),
        components={
            str(part.get("Name", "")): str(part.get("Version", "")) for part in version.get("Components") or ()
        },
        storage_driver=str(info.get("Driver", "")),
        security_options=security,
        warnings=tuple(str(warning) for warning in info.get("Warnings") or ()),
        remarks=remarks,
        lacks=lacking(info, controllers),
        client=client,
        endpoint=endpoint,
    )


def lacking(info: Mapping[str, Any], controllers: Collection[str] | None) -> tuple[CpuMode, ...]:
    """The modes of limits that an engine cannot set, by its ``info`` and the controllers that it has, where known."""
    return tuple(
        mode
        for mode, (key, controller, _) in LIMITS.items()
        if info.get(key) is False or (controllers is not None and controller not in controllers)
    )


def _podman_controllers(client: docker.DockerClient) -> list[str] | None:
    """The controllers that a rootless Podman has; its answer to Docker's ``info`` names those of the machine."""
    answer = client.api.get(f"{client.api.base_url}/v4.0.0/libpod/info", timeout=PROBE_TIMEOUT_S)
    found = answer.json().get("host", {}).get("cgroupControllers") if answer.ok else None
    return None if found is None else [str(name) for name in found]


def with_remedy(error: Exception | str) -> str:
    """The engine's own words for why it starts no container, and where it is known the next step."""
    words = str(getattr(error, "explanation", None) or error).strip()
    remedy = next((remedy for sign, remedy in FAULTS.items() if sign in words.lower()), "")
    return f"{words}; {remedy}" if remedy else words


def _root_cause(error: BaseException) -> str:
    """The system's own words, which the SDK and its HTTP library wrap three or four times."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
