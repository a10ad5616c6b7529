"""Frequency, hyper-threading, mitigations and the clock, from /sys.

Source: Documentation/admin-guide/pm/cpufreq.rst, intel_pstate.rst and hw-vuln of the Linux kernel.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from lab.doctor.finding import Finding, harms, ok, read, unknown
from lab.text import plural

CPU = "sys/devices/system/cpu"
STEADY = frozenset({"performance"})
FAST_CLOCKS = frozenset({"tsc", "arch_sys_counter", "kvm-clock", "hyperv_clocksource_tsc_page"})


def governor(root: Path) -> Finding:
    """A governor that follows the load changes the speed within a batch."""
    texts = [read(root, str(path.relative_to(root))) for path in root.glob(f"{CPU}/cpu[0-9]*/cpufreq/scaling_governor")]
    found = Counter(text for text in texts if text)
    if not found:
        return unknown("governor", "cpufreq is not available: a virtual machine, or the host sets the frequency")
    seen = ", ".join(f"{name} on {plural(count, 'CPU')}" for name, count in sorted(found.items()))
    if set(found) <= STEADY:
        return ok("governor", seen)
    return harms("governor", seen, "sudo cpupower frequency-set -g performance")


def turbo(root: Path) -> Finding:
    """Turbo makes the speed depend on temperature and on what the other cores do."""
    intel, generic = read(root, f"{CPU}/intel_pstate/no_turbo"), read(root, f"{CPU}/cpufreq/boost")
    if intel is not None:
        if intel == "1":
            return ok("turbo", "off")
        return harms("turbo", "on (intel_pstate)", "echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo")
    if generic is not None:
        if generic == "0":
            return ok("turbo", "off")
        return harms("turbo", "on", "echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost")
    return unknown("turbo", "the kernel does not report it; in a virtual machine the host decides")


def hyper_threading(root: Path) -> Finding:
    """Two workers on siblings of one core share it; the lab takes distinct cores first, as long as there are any."""
    active = read(root, f"{CPU}/smt/active")
    if active is None:
        return unknown("SMT", "the kernel does not report it", "lscpu --extended")
    if active == "0":
        return ok("SMT", "off: each CPU is a core")
    return harms("SMT", "on: sibling CPUs share a core", "echo off | sudo tee /sys/devices/system/cpu/smt/control")


def emulation(root: Path) -> Finding:
    """An emulated processor runs all cells, and its times say nothing about any machine."""
    text = read(root, "proc/cpuinfo")
    if text is None:
        return unknown("processor", "the kernel does not describe it")
    if "QEMU TCG" in text:
        return harms("processor", "emulated (QEMU TCG): no time is that of a machine", "measure on a real machine")
    return ok("processor", "not emulated, as far as it says")


def mitigations(root: Path) -> Finding:
    """Mitigations make system calls and context switches slower; machines are comparable only with the same ones."""
    folder = root / CPU / "vulnerabilities"
    names = sorted(path.name for path in folder.glob("*")) if folder.is_dir() else []
    states = {name: read(root, f"{CPU}/vulnerabilities/{name}") or "" for name in names}
    if not states:
        return unknown("mitigations", "the kernel does not list them")
    active = [name for name, state in states.items() if state.startswith("Mitigation")]
    return ok("mitigations", f"{len(active)} active: {', '.join(active) or 'none'}; recorded in every manifest")


def clock_source(root: Path) -> Finding:
    """A clock that needs a system call costs about a microsecond per reading."""
    source = read(root, "sys/devices/system/clocksource/clocksource0/current_clocksource")
    if source is None:
        return unknown("clock source", "the kernel does not report it")
    if source in FAST_CLOCKS:
        return ok("clock source", source)
    return harms(
        "clock source", f"{source}: each reading is a system call", "boot with clocksource=tsc where it is stable"
    )
