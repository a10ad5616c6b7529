"""Runs in the emulated machine of docker/vm/rig, as root: the lab on each engine and natively, under cgroup v2.

Every run is judged: no row failed, limits are observed as requested, quotas throttle, what is unsupported is so for the
reason that is expected, and nothing is left behind. Times are emulated and shown nowhere. Lines for the log begin with
``vm: ``; the rig takes them from the console.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

OUT = Path("/var/tmp")  # noqa: S108 - the guest is thrown away
RUNTIME = "/run/user/1000"
CELLS = ("process.start/fork-same_cpu", "pool.scaling/pure_python-processes-fork-2", "ipc.round_trip/pipe-64-same_cpu")
CONTAINERS = ("--images", "host", "--cpus", "1,2,0.5q,0.5q10", "--target", "*-linux-[cq]*")
ALONE = ("--engine", "none", "--cpus", "2,0.5q,0.5q10")
DELEGATE = Path("/etc/systemd/system/user@.service.d/delegate.conf")
PODMAN = f"systemctl --user start podman.socket && podman --url unix://{RUNTIME}/podman/podman.sock info >/dev/null"
THROTTLES = "pool.scaling"  # two workers under half a CPU
START_S = 300


def log(text: str) -> None:
    """One line for the log."""
    print(f"vm: {text}", flush=True)


def main() -> int:
    """All runs; 0 where everything holds."""
    began = time.monotonic()
    log(f"{shell('uname -sr')}, {shell('systemctl --version').splitlines()[0]}")
    log(f"controllers: {Path('/sys/fs/cgroup/cgroup.controllers').read_text(encoding='ascii').strip()}")
    prefixes = Path("/opt/prefixes").read_text(encoding="utf-8").split()
    os.environ["PATH"] += "".join(f":{prefix}/bin" for prefix in prefixes)
    pythons = [next(Path(prefix, "lib").glob("python3.*")).name.removeprefix("python") for prefix in prefixes]
    one = ("--python", pythons[-1])
    log(f"interpreters of the images: {', '.join(pythons)}; {shell('docker --version')}; {shell('podman --version')}")
    shell("systemctl start docker podman.socket")
    user = {"XDG_RUNTIME_DIR": RUNTIME, "DBUS_SESSION_BUS_ADDRESS": f"unix:path={RUNTIME}/bus", "HOME": "/home/lab"}
    rootless = {**user, "CONTAINER_HOST": f"unix://{RUNTIME}/podman/podman.sock"}
    podman = ("--engine", "podman", *CONTAINERS, *one)
    both = [word for version in pythons for word in ("--python", version)]
    held = [measured("docker", ("--engine", "docker", *CONTAINERS, *both))]
    held.append(left("docker ps --all --quiet --filter label=comparison-lab.run"))
    shell("systemctl stop docker docker.socket")  # whose firewall and memory the rest does without
    shell("podman --url unix:///run/podman/podman.sock info")  # the first answer takes long
    held.append(measured("podman", podman, {"CONTAINER_HOST": "unix:///run/podman/podman.sock"}))
    held.append(left("podman ps --all --quiet --filter label=comparison-lab.run"))
    started = as_user(PODMAN, user)
    held.append(started == 0)
    held.append(measured("podman-rootless", podman, rootless, unsupported="cpuset"))
    DELEGATE.parent.mkdir(parents=True, exist_ok=True)
    DELEGATE.write_text("[Service]\nDelegate=cpu cpuset io memory pids\n", encoding="ascii")  # the lab's own advice
    shell("systemctl daemon-reload && systemctl restart user@1000 && sleep 2")
    as_user(PODMAN, user)
    held.append(measured("podman-rootless-delegated", podman, rootless))
    held.append(as_user('test -z "$(podman ps --all --quiet --filter label=comparison-lab.run)"', user) == 0)
    held.append(measured("native-root", (*ALONE, *one)))
    held.append(measured("native-user", (*ALONE, *one), user))  # by systemd-run --user --scope
    held.append(
        measured("native-delegated", (*ALONE, *one), user, before="systemd-run --user --scope -q -p Delegate=yes ")
    )
    held.append(left("find /sys/fs/cgroup -type d -name 'comparison-lab*'"))
    log(f"{time.monotonic() - began:.0f} s since the service started (emulated)")
    log("everything holds" if all(held) else "something does not hold")
    return 0 if all(held) else 1


def shell(command: str) -> str:
    """What a command prints."""
    return subprocess.run(command, shell=True, capture_output=True, text=True, check=False).stdout.strip()


def as_user(command: str, environment: Mapping[str, str]) -> int:
    """The exit code of a command of the user ``lab``, who has a lingering systemd."""
    limit = time.monotonic() + START_S
    while not Path(RUNTIME, "bus").exists() and time.monotonic() < limit:
        time.sleep(1)
    words = ["runuser", "-u", "lab", "--", "env", *(f"{name}={value}" for name, value in environment.items())]
    return subprocess.run([*words, "sh", "-c", command], check=False, cwd="/").returncode


def left(command: str) -> bool:
    """Whether nothing is left that the command would list."""
    found = shell(command)
    log(f"left behind by `{command}`: {found or 'nothing'}")
    return not found


def measured(
    name: str,
    arguments: tuple[str, ...],
    environment: Mapping[str, str] | None = None,
    unsupported: str = "",
    before: str = "",
) -> bool:
    """One run of the lab in a process of its own, and whether it is as expected."""
    began = time.monotonic()
    words = " ".join(f"'{word}'" for word in arguments)
    command = f"{before}python3 {__file__} {name} '{unsupported}' {words}"
    if environment and "HOME" in environment:
        code = as_user(command, environment)
    else:
        code = subprocess.run(command, shell=True, env={**os.environ, **(environment or {})}, check=False).returncode
    answer = "as expected" if code == 0 else f"NOT AS EXPECTED (exit code {code})"
    log(f"{name}: {answer}, {time.monotonic() - began:.0f} s (emulated)")
    return code == 0


def one_run(name: str, unsupported: str, arguments: list[str]) -> int:
    """Measure, without figures and pages, and judge the samples."""
    from rich.console import Console

    from lab.commands.run import command
    from lab.commands.selection import options
    from lab.running import job
    from lab.tables.read import read_tables
    from lab.targets import engine, interpreters

    # What seconds are enough for elsewhere takes longer here.
    interpreters.PROBE_TIMEOUT_S = engine.NAMED_TIMEOUT_S = engine.PROBE_TIMEOUT_S = START_S
    cells = [word for cell in CELLS for word in ("--scenario", cell)]
    out = OUT / f"{name}-{os.getpid()}"
    chosen = command.make_context(
        "run", [*arguments, *cells, "--profile", "smoke", "--budget", "2h", "--out", str(out)]
    ).params
    for unused in ("resume", "dry_run"):
        chosen.pop(unused)
    tables: list[Any] = []
    # The tables are enough: drawing a report takes minutes here.
    job.finish = lambda folder: tables.append(read_tables(folder))  # type: ignore[assignment,return-value]
    job.run(options(**chosen), Console(stderr=True, width=200))
    samples = tables[0].samples.frame()
    complaints = list(judged(samples, unsupported))
    found = samples.groupby(["target", "status"]).size()
    log(f"{name}: rows " + ", ".join(f"{target} {status} {count}" for (target, status), count in found.items()))
    for reason in sorted(set(samples.loc[samples["status"] == "unsupported", "reason"])):
        log(f"{name}: unsupported: {reason}")
    for complaint in complaints:
        log(f"{name}: {complaint}")
    return 1 if complaints else 0


def judged(samples: Any, unsupported: str) -> Iterator[str]:  # noqa: ANN401 - a DataFrame of pandas
    """What is not as expected."""
    bad = samples[~samples["status"].isin(["ok", "unsupported", "skipped"])]
    for reason in sorted(set(bad["reason"])):
        yield f"failed: {reason}"
    ok = samples[samples["status"] == "ok"]
    if ok.empty:
        yield "nothing was measured"
    if (ok["cpus_observed"] != ok["cpus_requested"]).any():
        yield "limits are not observed as requested"
    refused = set(samples.loc[samples["status"] == "unsupported", "cpu_mode"])
    if refused != ({unsupported} if unsupported else set()):
        yield f"unsupported limits are {sorted(refused)}, expected {unsupported or 'none'}"
    quota = ok[(ok["cpu_mode"] == "quota") & (ok["scenario"] == THROTTLES)]
    throttled = quota[quota["metric"] == "throttled_time"]
    if not (throttled["value"] > 0).any() or set(throttled["target"]) != set(quota["target"]):
        yield "two workers under half a CPU were not throttled"


if __name__ == "__main__":
    sys.exit(one_run(sys.argv[1], sys.argv[2], sys.argv[3:]) if len(sys.argv) > 1 else main())
