"""What a target is, read back inside it: version, build, GIL, CPUs, quota, shared memory, clock, kernel, mitigations.

Every reader takes the root of the file tree, so that captured trees of other machines can be read in tests.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
import sysconfig
import time

from lab.agent.facts import build, bytecode, cgroup, kernel, topology
from lab.agent.measuring import affinity, batches, placement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

CLOCK_STEPS = 10
CPU_TOLERANCE = 0.001  # a quota is written as whole microseconds of a period

FREQUENCY_FILES = {
    "driver": "scaling_driver",
    "governor": "scaling_governor",
    "least_khz": "scaling_min_freq",
    "most_khz": "scaling_max_freq",
}

# A rootless engine takes the limit and sets none where the controller is not delegated to its user; it says nothing.
NO_LIMIT_REMEDY = "; a rootless engine needs the controller: Delegate=cpu cpuset in user@.service, under cgroup v2"


def print_facts() -> None:
    """Write the facts as one JSON object on standard output."""
    print(json.dumps(collect(), sort_keys=True))


def collect(root: str = cgroup.ROOT) -> Dict[str, Any]:
    """All facts of this target; a value is None where the system does not tell."""
    return {**interpreter(), **system(root), **processors(root), **clock(root)}


def interpreter() -> Dict[str, Any]:
    """Version, build and what was compiled into it."""
    import multiprocessing

    return {
        "implementation": platform.python_implementation(),
        "python": platform.python_version(),
        "build": "free-threaded" if sysconfig.get_config_var("Py_GIL_DISABLED") else "gil",
        "gil_enabled": getattr(sys, "_is_gil_enabled", lambda: True)(),
        "build_class": build.build_class(
            sysconfig.get_config_vars(), build.keeps_frames(build.interpreter_file(), platform.machine())
        ),
        "compiler": platform.python_compiler(),
        "configure": configured(sysconfig.get_config_var("CONFIG_ARGS"), sysconfig.get_config_var("prefix")),
        "start_methods": multiprocessing.get_all_start_methods(),
        "default_start_method": multiprocessing.get_all_start_methods()[0],
        "flags": {"isolated": sys.flags.isolated, "optimize": sys.flags.optimize},
        "gc_enabled": _gc_enabled(),
        "uncached_modules": bytecode.uncached_modules(),
    }


def configured(arguments: Optional[str], prefix: Optional[str]) -> Optional[str]:
    """The arguments of ``configure`` without the folder it was built for: manifests travel."""
    if arguments and prefix:
        return arguments.replace(prefix, "PREFIX")
    return arguments


def system(root: str = cgroup.ROOT) -> Dict[str, Any]:
    """Operating system, kernel, libc, mitigations and /dev/shm."""
    return {
        "os": _os_name(),
        "wine": _under_wine(),
        "arch": platform.machine().lower().replace("amd64", "x86_64"),
        "kernel": "" if sys.platform == "win32" else platform.release(),
        "libc": " ".join(platform.libc_ver()) if sys.platform == "linux" else "",
        "cpu_model": cpu_model(root),
        "mitigations": mitigations(root),
        "speculation_store_bypass": status_field(root, "Speculation_Store_Bypass"),
        "seccomp": status_field(root, "Seccomp"),
        "shm_bytes": _free_bytes(os.path.join(root, "dev/shm")),
        "memory_limit_bytes": cgroup.memory_limit(root),
        "cgroup_version": cgroup.version(root),
    }


def processors(root: str = cgroup.ROOT) -> Dict[str, Any]:
    """CPUs by every account: the machine's, those allowed by affinity, the cpuset, the quota."""
    quota, period_us = cgroup.quota(root)
    return {
        "cpu_count": os.cpu_count(),
        "process_cpu_count": getattr(os, "process_cpu_count", lambda: None)(),
        "affinity": placement.allowed_cpus(),
        "processor_groups": affinity.processor_groups(),
        "cpuset": cgroup.cpuset(root),
        "frequency": frequency(placement.allowed_cpus() or [], root),
        "topology": topology.places(placement.allowed_cpus() or [], root),
        "quota": quota,
        "period_us": period_us,
    }


def frequency(cpus: List[int], root: str = cgroup.ROOT) -> Dict[str, str]:
    """How the CPUs' frequency is set (driver, governor, bounds in kHz, boost); a key is missing where none is shown.

    CPUs that differ are told with all their values. Source: Documentation/admin-guide/pm/cpufreq.rst.
    """
    base = os.path.join(root, "sys/devices/system/cpu")
    found = {}
    for name, file in FREQUENCY_FILES.items():
        values = {kernel.told(os.path.join(base, "cpu%d" % cpu, "cpufreq", file)) for cpu in cpus} - {None, ""}
        if values:
            found[name] = ", ".join(sorted(str(value) for value in values))
    boost = kernel.told(os.path.join(base, "cpufreq/boost"))
    no_turbo = kernel.told(os.path.join(base, "intel_pstate/no_turbo"))
    if boost or no_turbo:
        found["boost"] = "on" if (boost == "1" if boost else no_turbo == "0") else "off"
    return found


def clock(root: str = cgroup.ROOT) -> Dict[str, Any]:
    """The clock that times batches: its source, its resolution as told, its smallest step as seen, a reading's cost."""
    info = time.get_clock_info("perf_counter")
    readings = [time.perf_counter_ns() for _ in range(1001)]
    gaps = sorted(after - before for before, after in zip(readings, readings[1:]))
    return {
        "clock": info.implementation,
        "clock_resolution_ns": info.resolution * 1e9,
        "clock_step_ns": batches.clock_step_ns(CLOCK_STEPS),
        "clock_cost_ns": gaps[len(gaps) // 2],
        "clock_source": kernel.told(
            os.path.join(root, "sys/devices/system/clocksource/clocksource0/current_clocksource")
        ),
    }


def cpus_observed(cpu_mode: str, facts: Dict[str, Any]) -> float:
    """The CPU limit as the target sees it, in the terms of what was asked for."""
    allowed = len(facts["affinity"]) if facts["affinity"] else float(facts["cpu_count"] or 1)
    if cpu_mode == "quota" and facts["quota"] is not None:
        return float(facts["quota"])
    return float(allowed)


def mismatch(target: Dict[str, Any], facts: Dict[str, Any]) -> str:
    """What was asked for and is not so in here, in one sentence; empty where all is as requested."""
    return (
        cpu_mismatch(target, facts)
        or period_mismatch(target, facts)
        or build_mismatch(target, facts)
        or diagnosis_mismatch(target, facts)
    )


def cpu_mismatch(target: Dict[str, Any], facts: Dict[str, Any]) -> str:
    """The same for the limit of CPUs."""
    mode, requested = target["cpu_mode"], target["cpus_requested"]
    if mode == "none":
        return ""
    if mode == "quota" and facts["quota"] is None:
        return "a quota of %g CPUs was requested, none is seen in the target" % requested + NO_LIMIT_REMEDY
    if mode != "quota" and facts["quota"] is not None:
        return "no quota was requested, one of %g CPUs is seen in the target" % facts["quota"]
    observed = cpus_observed(mode, facts)
    if abs(observed - requested) > CPU_TOLERANCE:
        found = "%g CPUs were requested (%s), %g are seen in the target" % (requested, mode, observed)
        return found + (NO_LIMIT_REMEDY if mode == "cpuset" else "")
    expected: Optional[List[int]] = target.get("cpu_list")
    if expected is not None and facts["affinity"] is not None and sorted(expected) != facts["affinity"]:
        found = "CPUs %s were requested, %s are seen in the target" % (sorted(expected), facts["affinity"])
        return found + (NO_LIMIT_REMEDY if mode == "cpuset" else "")
    return ""


def period_mismatch(target: Dict[str, Any], facts: Dict[str, Any]) -> str:
    """The same for the period of a quota."""
    requested, seen = target.get("period_us"), facts.get("period_us")
    if target["cpu_mode"] == "quota" and requested and seen and requested != seen:
        return "a period of %g ms was requested, %g ms are seen in the target" % (requested / 1e3, seen / 1e3)
    return ""


def build_mismatch(target: Dict[str, Any], facts: Dict[str, Any]) -> str:
    """The same for the build: with its GIL, or free-threaded and without one."""
    wanted = target.get("build")
    if wanted and wanted != facts["build"]:
        return "a %s build was requested, this is a %s one" % (wanted, facts["build"])
    if facts["build"] == "free-threaded" and facts["gil_enabled"]:
        return "this free-threaded build runs with its GIL switched on"
    return ""


def diagnosis_mismatch(target: Dict[str, Any], facts: Dict[str, Any]) -> str:
    """The same for what a diagnostic target shall go without."""
    if target.get("diagnose") == "seccomp" and facts.get("seccomp") not in (None, "0"):
        return "no seccomp filter was requested, mode %s of one is seen in the target" % facts["seccomp"]
    return ""


def cpu_model(root: str = cgroup.ROOT) -> Optional[str]:
    """The processor's name out of /proc/cpuinfo, else what the platform module says."""
    text = kernel.told(os.path.join(root, "proc/cpuinfo")) or ""
    found = re.search(r"^(?:model name|Processor|cpu model)\s*:\s*(.+)$", text, re.MULTILINE)
    return found.group(1).strip() if found else platform.processor() or None


def mitigations(root: str = cgroup.ROOT) -> Dict[str, str]:
    """Name -> state of each CPU vulnerability the kernel reports."""
    folder = os.path.join(root, "sys/devices/system/cpu/vulnerabilities")
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return {}
    return {name: kernel.told(os.path.join(folder, name)) or "" for name in names}


def status_field(root: str, name: str) -> Optional[str]:
    """One field of this process's status file."""
    for line in (kernel.told(os.path.join(root, "proc/self/status")) or "").splitlines():
        if line.startswith(name + ":"):
            return line.partition(":")[2].strip()
    return None


def _os_name() -> str:
    return {"win32": "windows", "darwin": "macos"}.get(
        sys.platform, "linux" if sys.platform.startswith("linux") else sys.platform
    )


def _under_wine() -> bool:
    """Wine's ntdll exports ``wine_get_version``; Windows's does not."""
    if sys.platform == "win32":
        import ctypes

        return hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")
    return False


def _gc_enabled() -> bool:
    import gc

    return gc.isenabled()


def _free_bytes(folder: str) -> Optional[int]:
    try:
        found = os.statvfs(folder)
    except (OSError, AttributeError):
        return None
    return found.f_bavail * found.f_frsize
