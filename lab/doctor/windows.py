"""Checks for Windows: the power plan, Defender's real-time protection, long paths, processor groups."""

from __future__ import annotations

import subprocess

from lab.agent.measuring import affinity
from lab.doctor.finding import Finding, harms, ok, unknown

HIGH_PERFORMANCE = ("8c5e7fda-e8bf-4a96-9a85-a6e23a8c635c", "e9a42b02-d5df-448d-aa00-03f14749eb61")
FILE_SYSTEM = r"HKLM\SYSTEM\CurrentControlSet\Control\FileSystem"
TIMEOUT_S = 15


def power_plan(output: str | None) -> Finding:
    """The power plan in the output of ``powercfg /getactivescheme``, by its number: names are translated."""
    if not output:
        return unknown("power plan", "powercfg does not answer")
    if any(number in output.lower() for number in HIGH_PERFORMANCE):
        return ok("power plan", "high performance")
    return harms("power plan", output.strip(), f"powercfg /setactive {HIGH_PERFORMANCE[0]}")


def defender(output: str | None) -> Finding:
    """Real-time scanning, from DisableRealtimeMonitoring: it can be half of the cost of starting a process."""
    answer = (output or "").strip().lower()
    if answer == "true":
        return ok("Defender", "real-time protection is off")
    if answer == "false":
        return harms(
            "Defender", "real-time protection is on", "Add-MpPreference -ExclusionProcess python.exe (as admin)"
        )
    return unknown("Defender", "Get-MpPreference does not answer; another product may scan")


def long_paths(output: str | None) -> Finding:
    """Long paths, from LongPathsEnabled in the registry: where they are off, a path has at most 259 characters."""
    if output and "0x1" in output.split():
        return ok("long paths", "switched on")
    remedy = f"reg add {FILE_SYSTEM} /v LongPathsEnabled /t REG_DWORD /d 1 (as admin), or a short --out"
    return harms("long paths", "switched off: paths of 260 characters and more fail", remedy)


def processor_groups(count: int | None) -> Finding:
    """Processor groups: beyond 64 CPUs a process can be bound only within its own group."""
    if count is None:
        return unknown("processor groups", "Windows does not report it")
    if count == 1:
        return ok("processor groups", "one: all CPUs can be bound to")
    return harms(
        "processor groups",
        f"{count}: native targets have the CPUs of one group, 64 at most",
        "choose --cpus within one group; CPUs beyond it are not measured",
    )


def ask(*command: str) -> str | None:
    """What a command prints, or None where it is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, errors="replace")
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None


def windows_findings() -> list[Finding]:
    """The findings of all checks for Windows."""
    preference = "(Get-MpPreference).DisableRealtimeMonitoring"
    return [
        power_plan(ask("powercfg", "/getactivescheme")),
        defender(ask("powershell", "-NoProfile", "-Command", preference)),
        long_paths(ask("reg", "query", FILE_SYSTEM, "/v", "LongPathsEnabled")),
        processor_groups(affinity.processor_groups()),
    ]
