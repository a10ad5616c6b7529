"""Facts of a target, read inside it: version, build, GIL, CPUs, quota, shared memory, clock, kernel, mitigations.

Every reader takes the root of the file tree, so that tests can read captured trees of other machines.
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
CPU_TOLERANCE = 0.001  # a quota is stored in whole microseconds per period

FREQUENCY_FILES = {
    "driver": "scaling_driver",
    "governor": "scaling_governor",
    "least_khz": "scaling_min_freq",
    "most_khz": "scaling_max_freq",
}

# A rootless engine accepts a limit and silently sets none if the controller is not delegated to its user.
NO_LIMIT_REMEDY = "; for a rootless engine, delegate the controllers (Delegate=cpu cpuset in user@.service, cgroup v2)"


def print_facts() -> None:
    """Print the facts as one JSON object on standard output."""
    print(json.dumps(collect(), sort_keys=True))


def collect(root: str = cgroup.ROOT) -> Dict[str, Any]:
    """All facts of this target; a value that the system does not report is None."""
    return {**interpreter(), **system(root), **processors(root), **clock(root)}


def interpreter() -> Dict[str, Any]:
    """Version, build and start methods of the interpreter."""
    import multiprocessing

    return {
        "implementation": platform.python_implementation(),
        "python": platform.python_version(),
        "build": "free-threaded" if sysconfig.get_config_var("Py_GIL_DISABLED") else "gil",
        "gil_enabled": build.gil_enabled(),
        "build_class": build.build_class(
            sysconfig.get_config_vars(), build.has_frame_pointers(build.interpreter_file(), platform.machine())
        ),
        "jit": build.jit_state(),
        "compiler": platform.python_compiler(),
        "configure": configure_arguments(sysconfig.get_config_var("CONFIG_ARGS"), sysconfig.get_config_var("prefix")),
        "start_methods": multiprocessing.get_all_start_methods(),
        "default_start_method": multiprocessing.get_all_start_methods()[0],
        "flags": {"isolated": sys.flags.isolated, "optimize": sys.flags.optimize},
        "gc_enabled": _gc_enabled(),
        "uncached_modules": bytecode.uncached_modules(),
    }


def configure_arguments(arguments: Optional[str], prefix: Optional[str]) -> Optional[str]:
    """Arguments of ``configure`` with the prefix replaced, because manifests are passed on to other people."""
    if arguments and prefix:
        return arguments.replace(prefix, "PREFIX")
    return arguments


def system(root: str = cgroup.ROOT) -> Dict[str, Any]:
    """Operating system, kernel, libc, CPU model, mitigations, memory limit and free bytes of /dev/shm."""
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
    """CPUs by every measure: those of the machine, of the affinity, of the cpuset, and the quota."""
    quota, period_us = cgroup.quota(root)
    return {
        "cpu_count": os.cpu_count(),
        "process_cpu_count": getattr(os, "process_cpu_count", lambda: None)(),
        "affinity": placement.allowed_cpus(),
        "processor_groups": affinity.processor_groups(),
        "cpuset": cgroup.cpuset(root),
        "frequency": frequency(placement.allowed_cpus() or [], root),
        "topology": topology.cpu_locations(placement.allowed_cpus() or [], root),
        "quota": quota,
        "period_us": period_us,
    }


def frequency(cpus: List[int], root: str = cgroup.ROOT) -> Dict[str, str]:
    """Frequency settings of the CPUs: driver, governor, bounds in kHz, boost; a setting that is not shown is left out.

    If the CPUs differ, the value lists all settings. Source: Documentation/admin-guide/pm/cpufreq.rst.
    """
    base = os.path.join(root, "sys/devices/system/cpu")
    found = {}
    for name, file in FREQUENCY_FILES.items():
        values = {kernel.read_text(os.path.join(base, "cpu%d" % cpu, "cpufreq", file)) for cpu in cpus} - {None, ""}
        if values:
            found[name] = ", ".join(sorted(str(value) for value in values))
    boost = kernel.read_text(os.path.join(base, "cpufreq/boost"))
    no_turbo = kernel.read_text(os.path.join(base, "intel_pstate/no_turbo"))
    if boost or no_turbo:
        found["boost"] = "on" if (boost == "1" if boost else no_turbo == "0") else "off"
    return found


def clock(root: str = cgroup.ROOT) -> Dict[str, Any]:
    """The clock that times batches: source, reported resolution, smallest observed step, cost of one reading."""
    info = time.get_clock_info("perf_counter")
    readings = [time.perf_counter_ns() for _ in range(1001)]
    gaps = sorted(after - before for before, after in zip(readings, readings[1:]))
    return {
        "clock": info.implementation,
        "clock_resolution_ns": info.resolution * 1e9,
        "clock_step_ns": batches.clock_step_ns(CLOCK_STEPS),
        "clock_cost_ns": gaps[len(gaps) // 2],
        "clock_source": kernel.read_text(
            os.path.join(root, "sys/devices/system/clocksource/clocksource0/current_clocksource")
        ),
    }


def cpus_observed(cpu_mode: str, facts: Dict[str, Any]) -> float:
    """Number of CPUs that the target sees: the quota if ``cpu_mode`` is quota, else the number of allowed CPUs."""
    allowed = len(facts["affinity"]) if facts["affinity"] else float(facts["cpu_count"] or 1)
    if cpu_mode == "quota" and facts["quota"] is not None:
        return float(facts["quota"])
    return float(allowed)


def mismatch(target: Dict[str, Any], facts: Dict[str, Any]) -> str:
    """The first difference between the requested and the observed target, as a sentence; empty if there is none."""
    return (
        cpu_mismatch(target, facts)
        or period_mismatch(target, facts)
        or build_mismatch(target, facts)
        or diagnosis_mismatch(target, facts)
    )


def cpu_mismatch(target: Dict[str, Any], facts: Dict[str, Any]) -> str:
    """The difference between the requested and the observed CPU limit, as a sentence; empty if there is none."""
    mode, requested = target["cpu_mode"], target["cpus_requested"]
    if mode == "none":
        return ""
    if mode == "quota" and facts["quota"] is None:
        return "a quota of %g CPUs was requested, but the target sees none" % requested + NO_LIMIT_REMEDY
    if mode != "quota" and facts["quota"] is not None and facts["quota"] < requested - CPU_TOLERANCE:
        return "no quota was requested, but the target sees one of %g CPUs" % facts["quota"]
    observed = cpus_observed(mode, facts)
    if abs(observed - requested) > CPU_TOLERANCE:
        found = "%g CPUs were requested (%s), but the target sees %g" % (requested, mode, observed)
        return found + (NO_LIMIT_REMEDY if mode == "cpuset" else "")
    expected: Optional[List[int]] = target.get("cpu_list")
    if expected is not None and facts["affinity"] is not None and sorted(expected) != facts["affinity"]:
        found = "CPUs %s were requested, but the target sees %s" % (sorted(expected), facts["affinity"])
        return found + (NO_LIMIT_REMEDY if mode == "cpuset" else "")
    return ""


def period_mismatch(target: Dict[str, Any], facts: Dict[str, Any]) -> str:
    """The difference between the requested and the observed period of a quota; empty if there is none."""
    requested, seen = target.get("period_us"), facts.get("period_us")
    if target["cpu_mode"] == "quota" and requested and seen and requested != seen:
        return "a quota period of %g ms was requested, but the target sees %g ms" % (requested / 1e3, seen / 1e3)
    return ""


def build_mismatch(target: Dict[str, Any], facts: Dict[str, Any]) -> str:
    """The difference in the build: with a GIL, or free-threaded and without; empty if there is none."""
    wanted = target.get("build")
    if wanted and wanted != facts["build"]:
        return "a %s build was requested, but the interpreter is a %s build" % (wanted, facts["build"])
    if facts["build"] == "free-threaded" and facts["gil_enabled"]:
        return "the interpreter is a free-threaded build, but its GIL is enabled"
    return ""


def diagnosis_mismatch(target: Dict[str, Any], facts: Dict[str, Any]) -> str:
    """What a diagnostic target still has although it was requested without; empty if there is nothing."""
    if target.get("diagnose") == "seccomp" and facts.get("seccomp") not in (None, "0"):
        return "no seccomp filter was requested, but the target sees one of mode %s" % facts["seccomp"]
    return ""


def cpu_model(root: str = cgroup.ROOT) -> Optional[str]:
    """The processor's name from /proc/cpuinfo, else from the platform module."""
    text = kernel.read_text(os.path.join(root, "proc/cpuinfo")) or ""
    found = re.search(r"^(?:model name|Processor|cpu model)\s*:\s*(.+)$", text, re.MULTILINE)
    return found.group(1).strip() if found else platform.processor() or None


def mitigations(root: str = cgroup.ROOT) -> Dict[str, str]:
    """Name -> state of each CPU vulnerability that the kernel reports."""
    folder = os.path.join(root, "sys/devices/system/cpu/vulnerabilities")
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return {}
    return {name: kernel.read_text(os.path.join(folder, name)) or "" for name in names}


def status_field(root: str, name: str) -> Optional[str]:
    """One field of ``/proc/self/status``; None if it is missing."""
    for line in (kernel.read_text(os.path.join(root, "proc/self/status")) or "").splitlines():
        if line.startswith(name + ":"):
            return line.partition(":")[2].strip()
    return None


def _os_name() -> str:
    return {"win32": "windows", "darwin": "macos"}.get(
        sys.platform, "linux" if sys.platform.startswith("linux") else sys.platform
    )


def _under_wine() -> bool:
    """Whether Windows is Wine, whose ntdll exports ``wine_get_version``."""
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
