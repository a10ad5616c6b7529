"""Which targets a run has: the engine that answers, the interpreters found, the limits asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from lab.errors import EngineError, NothingToRunOn, UsageError
from lab.model import Diagnosis, ImagesChoice, Limit, Target
from lab.planning.baseline import Before
from lab.planning.cells import diagnostic_twin, target_id
from lab.planning.limits import WantedLimit
from lab.planning.profiles import Profile
from lab.targets.engine import Engine, connect
from lab.targets.images import Images, choose
from lab.targets.interpreters import Interpreter, host_arch, host_os, key_order, search
from lab.targets.native import allowed_cpus, can_pin
from lab.targets.quota import why_no_quota
from lab.targets.topology import container_cpus

Say = Callable[[str], None]
EngineChoice = Literal["auto", "docker", "podman", "none"]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the command line says of targets; empty means: as the profile has it."""

    engine: EngineChoice = "auto"
    images: ImagesChoice = "auto"
    given: Mapping[str, str]
    registry: str | None = None
    pythons: tuple[str, ...] = ()
    cpus: tuple[WantedLimit, ...] = ()
    diagnose: tuple[Diagnosis, ...] = ()
    before: Before = field(default_factory=Before)


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """The targets of a run, and what they are run with."""

    targets: tuple[Target, ...]
    engine: Engine | None
    images: Images | None
    interpreters: dict[str, Interpreter]
    before: Before = field(default_factory=Before)


def refuse_contradictions(wanted: Wanted) -> None:
    """Refuse what no machine can have, before anything is looked for.

    Raises:
        UsageError: something is asked of containers where there shall be none, or of pinned CPUs without any.
    """
    if wanted.engine == "none" and wanted.given:
        raise UsageError("--image is for containers: leave out --engine none, or leave out --image")
    if wanted.engine == "none" and wanted.diagnose:
        raise UsageError("--diagnose is for containers: leave out --engine none, or leave out --diagnose")
    if wanted.diagnose and wanted.cpus and all(limit.is_quota for limit in wanted.cpus):
        raise UsageError("--diagnose needs a container with pinned CPUs: give --cpus a plain number, for example 1")


def survey(wanted: Wanted, profile: Profile, say: Say) -> Matrix:
    """Look for an engine, images and interpreters, and lay out the targets.

    Raises:
        NothingToRunOn: there is no target at all.
        UsageError: a version or a limit is asked for that cannot be had.
    """
    searched = search()
    for complaint in searched.complaints:
        say(complaint)
    found = {interpreter.key: interpreter for interpreter in searched.interpreters}
    engine = _engine(wanted, say)
    images = _images(engine, wanted, tuple(found.values()), say) if engine else None
    containers = _containers(engine, images, wanted, profile) if engine and images else ()
    containers += tuple(diagnostic_twin(containers, without) for without in wanted.diagnose)
    natives = () if wanted.images == "wine" else _natives(found, wanted, profile, say, only=engine is None)
    if not containers and not natives:
        raise NothingToRunOn(
            "there is nothing to run on: no container engine answers and no CPython from 3.9 on was found; "
            "install Docker, or a Python (for example: uv python install 3.13)"
        )
    return Matrix(
        targets=(*containers, *natives),
        engine=engine,
        images=images,
        interpreters=found,
        before=wanted.before,
    )


def ends(keys: Sequence[str]) -> tuple[str, ...]:
    """The oldest and the newest version; free-threaded builds are left to ``--python`` and to larger profiles."""
    plain = [key for key in sorted(keys, key=key_order) if not key.endswith("t")] or sorted(keys, key=key_order)
    return tuple(dict.fromkeys((plain[0], plain[-1]))) if plain else ()


def _engine(wanted: Wanted, say: Say) -> Engine | None:
    if wanted.engine == "none":
        return None
    try:
        engine = connect(wanted.engine)
    except EngineError:
        raise
    except NothingToRunOn as error:
        if wanted.engine != "auto" or wanted.given:
            raise
        say(f"native mode, pinned by CPU affinity: {error}")
        return None
    for remark in engine.remarks:
        say(remark)
    say(f"containers by {engine.name} {engine.version} with {len(container_cpus(engine))} CPUs")
    return engine


def _images(engine: Engine, wanted: Wanted, interpreters: Sequence[Interpreter], say: Say) -> Images:
    return choose(engine, wanted.images, wanted.given, wanted.registry, say, interpreters=interpreters)


def _containers(engine: Engine, images: Images, wanted: Wanted, profile: Profile) -> tuple[Target, ...]:
    keys = _keys(wanted.pythons, images.available(), profile, wanted.given)
    count = len(container_cpus(engine))
    limits = _limits(wanted.cpus or profile.cpus, count, native=False, asked=bool(wanted.cpus))
    system = "linux" if engine.os in ("", "linux") else engine.os
    label = system
    if images.source == "wine":
        system, label = "windows", "windows-wine"
    return tuple(
        Target(
            id=target_id(key, label, limit, native=False),
            key=key,
            engine=engine.name,
            os=system,
            arch=engine.arch,
            limit=limit,
            cpus_visible=count if limit.is_quota else int(limit.cpus),
        )
        for key in keys
        for limit in limits
        if not limit.is_quota or wanted.cpus or profile.quota_python == "all" or key == ends(keys)[-1]
    )


def _natives(
    found: dict[str, Interpreter], wanted: Wanted, profile: Profile, say: Say, *, only: bool
) -> tuple[Target, ...]:
    """Beside containers the newest version under the profile's native limits, else all that was asked for.

    A quota that was asked for and cannot be had is a target all the same: its rows say why. The profile's are left out.
    """
    if not found:
        return ()
    asked = [key for key in wanted.pythons if key in found]
    if only:
        keys = _keys(wanted.pythons, tuple(found), profile, {})
        asked_for = wanted.cpus or profile.cpus
    else:
        keys = ends(asked or ([] if wanted.pythons else list(found)))[-1:]
        asked_for = profile.native
    if not (only and wanted.cpus):
        asked_for = _without_quotas(asked_for, say)
    count = len(allowed_cpus())
    limits = _limits(asked_for, count, native=True, asked=only and bool(wanted.cpus))
    system = host_os()
    if not can_pin():
        quotas = tuple(limit for limit in limits if limit.is_quota)
        limits = (Limit(mode="none", cpus=float(count)), *quotas)
    return tuple(
        Target(
            id=target_id(key, system, limit, native=True),
            key=key,
            engine="none",
            os=system,
            arch=host_arch(),
            limit=limit,
            cpus_visible=count if limit.is_quota else int(limit.cpus),
        )
        for key in keys
        for limit in limits
        if not limit.is_quota or wanted.cpus or profile.quota_python == "all" or key == ends(keys)[-1]
    )


def _without_quotas(limits: Sequence[WantedLimit], say: Say) -> tuple[WantedLimit, ...]:
    """What a profile wants, less the quotas where this user may set none; one line says so."""
    why = why_no_quota() if any(limit.is_quota for limit in limits) else ""
    if why:
        say(f"no quotas natively: {why}")
    return tuple(limit for limit in limits if not (why and limit.is_quota))


def _keys(
    asked: tuple[str, ...], available: tuple[str, ...], profile: Profile, given: Mapping[str, str]
) -> tuple[str, ...]:
    """The versions that are run: those asked for, else those that the profile says and those given an image."""
    for key in asked:
        if key not in available:
            known = ", ".join(sorted(available, key=key_order)) or "none"
            raise UsageError(f"Python {key} is not to be had here; there are: {known}")
    if asked:
        return tuple(dict.fromkeys(asked))
    chosen = available if profile.python == "all" else (*ends(available), *given)
    return tuple(sorted(set(chosen), key=key_order))


def _limits(wanted: Sequence[WantedLimit], cpus: int, *, native: bool, asked: bool) -> tuple[Limit, ...]:
    """Each limit once. What a profile has beyond this machine is left out; what the user asked for is refused."""
    found: dict[str, Limit] = {}
    for each in wanted:
        try:
            limit = each.on(cpus, native=native)
        except UsageError:
            if asked:
                raise
            continue
        found.setdefault(limit.label, limit)
    return tuple(found.values())
