"""Find the targets of a run: the container engine, the images, the interpreters, and the limits to run them under."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from lab.errors import EngineError, NothingToRunOn, UsageError
from lab.model import Diagnosis, ImagesChoice, Limit, Target
from lab.planning.baseline import Baseline
from lab.planning.cells import diagnostic_target, target_id
from lab.planning.limits import WantedLimit
from lab.planning.profiles import Profile
from lab.targets.available import container_cpus
from lab.targets.engine import Engine, connect
from lab.targets.images import Images, choose
from lab.targets.interpreters import Interpreter, host_arch, host_os, key_order, oldest_and_newest, search
from lab.targets.native import allowed_cpus, can_pin
from lab.targets.obtaining import fetch, remedy
from lab.targets.quota import quota_as_found, why_no_quota
from lab.text import plural

Say = Callable[[str], None]
EngineChoice = Literal["auto", "docker", "podman", "none"]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the command line says about targets; an empty field leaves the choice to the profile.

    ``context`` is the Docker context of ``--context``.
    ``user_images`` maps Python versions to image references, from ``--image``. ``assume_cpus`` is the number of CPUs of
    another machine, whose plan is only shown. ``fetch``: install requested versions that this machine lacks.
    """

    engine: EngineChoice = "auto"
    context: str | None = None
    images: ImagesChoice = "auto"
    user_images: Mapping[str, str]
    registry: str | None = None
    pythons: tuple[str, ...] = ()
    cpus: tuple[WantedLimit, ...] = ()
    diagnose: tuple[Diagnosis, ...] = ()
    assume_cpus: int | None = None
    baseline: Baseline = field(default_factory=Baseline)
    fetch: bool = False


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """The targets of a run, and the engine, images and interpreters that run them."""

    targets: tuple[Target, ...]
    engine: Engine | None
    images: Images | None
    interpreters: dict[str, Interpreter]
    baseline: Baseline = field(default_factory=Baseline)


def refuse_contradictions(wanted: Wanted) -> None:
    """Refuse options that contradict each other, before any engine or interpreter is searched for.

    Raises:
        UsageError: an option for containers is combined with ``--engine none``, or one for pinned CPUs with quotas
            alone.
    """
    if wanted.engine == "none" and wanted.user_images:
        raise UsageError(
            "--image needs containers, which --engine none excludes; leave out --engine none, or leave out --image"
        )
    if wanted.engine == "none" and wanted.context:
        raise UsageError(
            f"--context {wanted.context} names a container engine, which --engine none excludes; leave out one of them"
        )
    if wanted.engine == "none" and wanted.diagnose:
        raise UsageError(
            "--diagnose needs containers, which --engine none excludes; "
            "leave out --engine none, or leave out --diagnose"
        )
    if wanted.diagnose and wanted.cpus and all(limit.is_quota for limit in wanted.cpus):
        raise UsageError(
            "--diagnose needs a container with pinned CPUs, and --cpus has quotas only; "
            "give --cpus a plain number, for example 1"
        )


def survey(wanted: Wanted, profile: Profile, say: Say) -> Matrix:
    """Search for an engine, images and interpreters, and lay out the targets.

    Args:
        wanted: what the command line says.
        profile: what holds where the command line says nothing.
        say: shows one line to the user.

    Raises:
        NothingToRunOn: no target was found.
        UsageError: a requested version or limit is not available.
    """
    engine = _engine(wanted, say)
    searched = search()
    if wanted.fetch:
        present = {interpreter.key for interpreter in searched.interpreters} | set(wanted.user_images)
        missing = [key for key in dict.fromkeys(wanted.pythons) if key not in present]
        fetch(missing, say)
        searched = search() if missing else searched
    for complaint in searched.complaints:
        say(complaint)
    found = {interpreter.key: interpreter for interpreter in searched.interpreters}
    images = _images(engine, wanted, tuple(found.values()), say) if engine else None
    containers = _containers(engine, images, wanted, profile) if engine and images else ()
    containers += tuple(diagnostic_target(containers, without) for without in wanted.diagnose)
    natives = () if wanted.images == "wine" else _natives(found, wanted, profile, say, only=engine is None)
    if not containers and not natives:
        raise NothingToRunOn(
            "there is nothing to run on: no container engine answers and no CPython 3.9 or newer was found; "
            "install Docker, or a Python (for example: uv python install 3.13)"
        )
    return Matrix(
        targets=(*containers, *natives),
        engine=engine,
        images=images,
        interpreters=found,
        baseline=wanted.baseline,
    )


def _engine(wanted: Wanted, say: Say) -> Engine | None:
    if wanted.engine == "none":
        return None
    try:
        engine = connect(wanted.engine, wanted.context)
    except EngineError:
        raise
    except NothingToRunOn as error:
        if wanted.engine != "auto" or wanted.user_images or wanted.context:
            raise
        say(f"native mode, pinned by CPU affinity: {error}")
        return None
    count = len(container_cpus(engine))
    say(f"containers by {engine.name} {engine.version} at {engine.address} with {plural(count, 'CPU')}")
    for remark in (*engine.remarks, *map(engine.lack_sentence, engine.lacks)):
        say(remark)
    return engine


def _images(engine: Engine, wanted: Wanted, interpreters: Sequence[Interpreter], say: Say) -> Images:
    return choose(engine, wanted.images, wanted.user_images, wanted.registry, say, interpreters=interpreters)


def _containers(engine: Engine, images: Images, wanted: Wanted, profile: Profile) -> tuple[Target, ...]:
    keys = _keys(wanted.pythons, images.available(), profile, wanted.user_images)
    count = wanted.assume_cpus or len(container_cpus(engine))
    limits = _limits(wanted.cpus or profile.cpus, count, native=False, requested=bool(wanted.cpus))
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
        if not limit.is_quota or wanted.cpus or profile.quota_python == "all" or key == oldest_and_newest(keys)[-1]
    )


def _natives(
    found: dict[str, Interpreter], wanted: Wanted, profile: Profile, say: Say, *, only: bool
) -> tuple[Target, ...]:
    """The native targets: the newest version beside containers, all requested versions without an engine (``only``).

    A quota that the user requested and this user account cannot set is still a target, whose rows have the reason. A
    profile's quotas are left out in that case.
    """
    if not found:
        return ()
    requested = [key for key in wanted.pythons if key in found]
    if only:
        keys = _keys(wanted.pythons, tuple(found), profile, {})
        chosen = wanted.cpus or profile.cpus
    else:
        keys = oldest_and_newest(requested or ([] if wanted.pythons else list(found)))[-1:]
        chosen = profile.native
    if not (only and wanted.cpus):
        chosen = _without_quotas(chosen, say)
    count = wanted.assume_cpus or len(allowed_cpus())
    as_found = None if wanted.assume_cpus else quota_as_found(count)
    limits = _limits(chosen, count, native=True, requested=only and bool(wanted.cpus), as_found=as_found)
    if as_found and not (only and wanted.cpus):
        limits = (*(limit for limit in limits if limit != as_found), as_found)
        say(
            f"natively a quota of {as_found.cpus:g} CPUs applies, which the control group of this process has: it is "
            "measured as found, instead of pinned CPUs beyond it; for all CPUs start the lab outside of that group"
        )
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
        if limit.as_found
        or not limit.is_quota
        or wanted.cpus
        or profile.quota_python == "all"
        or key == oldest_and_newest(keys)[-1]
    )


def _without_quotas(limits: Sequence[WantedLimit], say: Say) -> tuple[WantedLimit, ...]:
    """The limits less the quotas where this user account cannot set them; ``say`` gets one line with the reason."""
    reason = why_no_quota() if any(limit.is_quota for limit in limits) else ""
    if reason:
        say(f"no quotas natively: {reason}")
    return tuple(limit for limit in limits if not (reason and limit.is_quota))


def _keys(
    requested: tuple[str, ...], available: tuple[str, ...], profile: Profile, user_images: Mapping[str, str]
) -> tuple[str, ...]:
    """The versions to run: the requested ones, else those of the profile and those with an image of the user's.

    Raises:
        UsageError: a requested version is not available.
    """
    for key in requested:
        if key not in available:
            known = ", ".join(sorted(available, key=key_order)) or "none"
            raise UsageError(f"Python {key} is not available (found: {known}); {remedy(key)}")
    if requested:
        return tuple(dict.fromkeys(requested))
    chosen = available if profile.python == "all" else (*oldest_and_newest(available), *user_images)
    return tuple(sorted(set(chosen), key=key_order))


def _limits(
    wanted: Sequence[WantedLimit], cpus: int, *, native: bool, requested: bool, as_found: Limit | None = None
) -> tuple[Limit, ...]:
    """The limits on this machine, each once. Those of a profile that exceed the machine, or its quota, are left out.

    Raises:
        UsageError: a limit that the user requested exceeds the machine.
    """
    found: dict[str, Limit] = {}
    for each in wanted:
        try:
            limit = each.resolve(cpus, native=native, as_found=as_found)
        except UsageError:
            if requested:
                raise
            continue
        found.setdefault(limit.label, limit)
    return tuple(found.values())
