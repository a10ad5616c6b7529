"""Which targets a run has, by what is on the machine and what was asked for."""

from __future__ import annotations

from typing import Any

import pytest

from lab.errors import EngineError, NothingToRunOn, UsageError
from lab.model import Limit
from lab.planning.limits import WantedLimit, parse_limit
from lab.planning.profiles import profile
from lab.planning.survey import Matrix, Wanted, refuse_contradictions, survey
from lab.targets.interpreters import oldest_and_newest
from tests.fake_machines import FakeMachine, engine


@pytest.fixture
def said() -> list[str]:
    return []


class Survey:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
        self._monkeypatch, self._said = monkeypatch, said

    def __call__(self, machine: FakeMachine, name: str = "quick", **wanted: Any) -> Matrix:
        machine.becomes(self._monkeypatch)
        return survey(Wanted(**{"user_images": {}, **wanted}), profile(name), self._said.append)

    def ids(self, machine: FakeMachine, name: str = "quick", **wanted: Any) -> list[str]:
        return [target.id for target in self(machine, name, **wanted).targets]


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> Survey:
    return Survey(monkeypatch, said)


def limits(*texts: str) -> tuple[WantedLimit, ...]:
    return tuple(map(parse_limit, texts))


def containers(**fields: Any) -> FakeMachine:
    return FakeMachine(**{"engine": engine(), **fields})


def test_without_an_engine_the_oldest_and_the_newest_python_run_natively(look: Survey, said: list[str]) -> None:
    machine = FakeMachine(pythons=("3.9", "3.10", "3.13", "3.13t"))
    assert look.ids(machine, cpus=limits("1", "2")) == [
        f"py{version}-linux-native-c{cpus}" for version in ("39", "313") for cpus in (1, 2)
    ]
    assert said == ["native mode, pinned by CPU affinity: no container engine answers"]


def test_beside_containers_only_the_newest_python_runs_natively(look: Survey, said: list[str]) -> None:
    found = look(containers(), cpus=limits("1"))
    assert [target.id for target in found.targets] == [
        "py39-linux-c1", "py313-linux-c1", *[f"py313-linux-native-{limit}" for limit in native_limits(2)],
    ]  # fmt: skip
    assert found.engine == engine()
    assert sorted(found.interpreters) == ["3.13", "3.9"]
    assert said == ["containers by docker 27.0 at tcp://there:2375 with 4 CPUs"]


def native_limits(cpus: int) -> list[str]:
    return [f"c{cpus if limit.text == 'N' else limit.text}" for limit in profile("quick").native]


def test_a_target_says_where_it_runs_and_how_many_cpus_it_sees(look: Survey) -> None:
    pinned, share, *natives = look(containers(images=("3.13",)), cpus=limits("2", "0.5q")).targets
    assert (pinned.engine, pinned.os, pinned.arch, pinned.key, pinned.cpus_visible) == (
        "docker", "linux", "x86_64", "3.13", 2,
    )  # fmt: skip
    assert (share.limit.mode, share.limit.cpus, share.cpus_visible) == ("quota", 0.5, 4)
    assert {(target.engine, target.limit.mode) for target in natives} == {("none", "affinity")}


def test_engine_none_asks_no_engine(look: Survey, said: list[str]) -> None:
    found = look(containers(), engine="none", cpus=limits("1"))
    assert {target.engine for target in found.targets} == {"none"}
    assert (found.engine, found.images, said) == (None, None, [])


def test_a_quota_beside_pinned_cpus_leaves_a_container_to_diagnose(look: Survey) -> None:
    wanted = Wanted(user_images={}, cpus=limits("1", "0.5q"), diagnose=("seccomp",))
    refuse_contradictions(wanted)
    found = look(containers(images=("3.13",)), cpus=wanted.cpus, diagnose=wanted.diagnose)
    assert "py313-linux-c1-noseccomp" in {target.id for target in found.targets}


def test_an_image_that_was_given_needs_containers(look: Survey) -> None:
    with pytest.raises(UsageError, match="leave out --engine none"):
        refuse_contradictions(Wanted(engine="none", user_images={"3.13": "mine"}))
    with pytest.raises(NothingToRunOn, match="no container engine answers"):
        look(FakeMachine(), user_images={"3.13": "mine"})


def test_an_engine_that_was_named_and_does_not_answer_is_an_error(look: Survey) -> None:
    with pytest.raises(NothingToRunOn, match="no container engine answers"):
        look(FakeMachine(), engine="podman")


def test_an_engine_that_refuses_is_never_passed_over(look: Survey) -> None:
    with pytest.raises(EngineError, match="refuses permission"):
        look(FakeMachine(engine=EngineError("refuses permission")))


def test_what_the_user_should_know_of_the_machine_is_reported(look: Survey, said: list[str]) -> None:
    look(containers(complaints=("a broken Python",), engine=engine(remarks=("another engine refused",))))
    assert said[1:3] == ["another engine refused", "a broken Python"]


def test_a_machine_without_anything_gets_what_to_install(look: Survey) -> None:
    with pytest.raises(NothingToRunOn, match="uv python install"):
        look(FakeMachine(pythons=()))


def test_images_are_chosen_by_what_was_asked_for(look: Survey) -> None:
    machine = containers()
    look(machine, images="host", user_images={"3.14": "mine"}, registry="mirror/")
    assert machine.chosen == {
        "mode": "host",
        "given": {"3.14": "mine"},
        "registry": "mirror/",
        "interpreters": machine.interpreters(),
    }


def test_versions_that_were_given_an_image_run_beside_the_usual_ones(look: Survey) -> None:
    machine = containers(images=("3.9", "3.10", "3.12", "3.13"), pythons=())
    assert look.ids(machine, cpus=limits("1")) == ["py39-linux-c1", "py313-linux-c1"]
    assert look.ids(machine, cpus=limits("1"), user_images={"3.10": "mine"}) == [
        "py39-linux-c1", "py310-linux-c1", "py313-linux-c1",
    ]  # fmt: skip
    assert look.ids(machine, cpus=limits("1"), pythons=("3.12", "3.12")) == ["py312-linux-c1"]
    assert look.ids(machine, "full", cpus=limits("1")) == [f"py3{minor}-linux-c1" for minor in (9, 10, 12, 13)]


def test_a_version_that_is_not_available_is_refused_with_those_that_are(look: Survey) -> None:
    with pytest.raises(UsageError, match=r"Python 3\.8 .*: 3\.9, 3\.10, 3\.13"):
        look(FakeMachine(pythons=("3.13", "3.9", "3.10")), pythons=("3.8",))
    with pytest.raises(UsageError, match="none"):
        look(containers(images=(), pythons=()), pythons=("3.8",))


def test_a_version_that_only_containers_have_is_not_run_natively_beside_them(look: Survey) -> None:
    ids = look.ids(containers(images=("3.12",), pythons=("3.13",)), pythons=("3.12",), cpus=limits("1"))
    assert ids == ["py312-linux-c1"]


def test_a_limit_beyond_the_machine_is_left_out_of_a_profile_and_refused_where_it_was_asked_for(look: Survey) -> None:
    few, many = (look.ids(FakeMachine(pythons=("3.13",), cpus=cpus), "full") for cpus in (1, 64))
    assert len(few) < len(many)
    assert "py313-linux-native-c1" in few
    with pytest.raises(UsageError, match="exceeds the 2 CPUs"):
        look(FakeMachine(), cpus=limits("64"))
    with pytest.raises(UsageError, match="exceeds the 4 CPUs"):
        look(containers(), cpus=limits("64"))


def test_a_limit_that_is_named_twice_is_one_target(look: Survey) -> None:
    assert look.ids(FakeMachine(pythons=("3.13",)), cpus=limits("2", "N", "2")) == ["py313-linux-native-c2"]


def test_a_profiles_quotas_are_left_out_where_this_user_may_set_none(look: Survey, said: list[str]) -> None:
    assert any(limit.is_quota for limit in profile("standard").cpus), "else this test shows nothing"
    free, bound = (FakeMachine(pythons=("3.13",), no_quota=why) for why in ("", "no group is writable"))
    with_quota, without = look.ids(free, "standard"), look.ids(bound, "standard")
    assert without == [name for name in with_quota if "-q" not in name] != with_quota
    assert said[-1] == "no quotas natively: no group is writable"
    assert look.ids(bound, "standard", cpus=limits("0.5q")) == ["py313-linux-native-q0.5"], (
        "asked for: its rows say why"
    )


def test_beside_containers_quotas_that_were_asked_for_are_theirs(look: Survey) -> None:
    ids = look.ids(containers(images=("3.13",), no_quota="no group is writable"), cpus=limits("0.5q"))
    assert [name for name in ids if "-q" in name] == ["py313-linux-q0.5"]


def test_a_profiles_quotas_are_for_the_newest_version_alone(look: Survey) -> None:
    assert profile("quick").quota_python == "newest"
    ids = [name for name in look.ids(FakeMachine()) if "-q" in name]
    assert ids
    assert all(name.startswith("py313-") for name in ids)
    assert [name for name in look.ids(containers(pythons=())) if "-q" in name] == [
        name.replace("-native", "") for name in ids
    ]
    asked = look.ids(FakeMachine(), cpus=limits("0.5q"))
    assert asked == ["py39-linux-native-q0.5", "py313-linux-native-q0.5"]


FOUND = Limit(mode="quota", cpus=1.5, as_found=True)


def test_a_quota_of_the_own_group_is_a_target_as_found_with_the_pinned_cpus_that_it_leaves_whole(
    look: Survey, said: list[str]
) -> None:
    bound = FakeMachine(pythons=("3.9", "3.13"), cpus=4, found_quota=FOUND, no_quota="no group is writable")
    found = look(bound).targets
    assert [target.id for target in found] == [
        f"py{version}-linux-native-{limit}" for version in (39, 313) for limit in ("c1", "q1.5")
    ]
    assert {target.limit for target in found if target.limit.is_quota} == {FOUND}
    assert {target.cpus_visible for target in found if target.limit.as_found} == {4}
    assert "a quota of 1.5 CPUs applies" in said[-1]
    beside = look.ids(containers(found_quota=FOUND), cpus=limits("2"))
    assert beside[-1] == "py313-linux-native-q1.5"
    assert "py313-linux-c2" in beside, "the engine's containers are not in the lab's own group"


def test_only_a_limit_within_the_quota_of_the_own_group_can_be_requested(look: Survey) -> None:
    bound = FakeMachine(pythons=("3.13",), cpus=4, found_quota=FOUND)
    assert look.ids(bound, cpus=limits("1", "0.5q", "N")) == [
        f"py313-linux-native-{limit}" for limit in ("c1", "q0.5", "q1.5")
    ]
    for text in ("2", "2q"):
        with pytest.raises(UsageError, match=r"exceeds the quota of 1\.5 CPUs .* N for the quota as found"):
            look(bound, cpus=limits(text))


def test_where_a_process_cannot_be_bound_there_is_one_target_with_all_cpus(look: Survey) -> None:
    machine = FakeMachine(pythons=("3.13",), system="macos", pins=False, no_quota="no cgroups")
    (target,) = look(machine).targets
    assert (target.limit.mode, target.limit.cpus, target.cpus_visible, target.os) == ("none", 2.0, 2, "macos")
    asked = look(machine, cpus=limits("1", "0.5q")).targets
    assert [(target.limit.mode, target.limit.cpus) for target in asked] == [("none", 2.0), ("quota", 0.5)]


def test_windows_under_wine_is_labelled_and_has_nothing_native_beside_it(look: Survey) -> None:
    found = look(containers(), images="wine", cpus=limits("1")).targets
    assert [(target.id, target.os) for target in found] == [
        ("py39-windows-wine-c1", "windows"), ("py313-windows-wine-c1", "windows"),
    ]  # fmt: skip


def test_a_diagnosis_adds_a_target_to_the_containers(look: Survey) -> None:
    ids = look.ids(containers(), cpus=limits("1", "2"), diagnose=("seccomp",))
    assert [name for name in ids if name.endswith("-noseccomp")] == ["py313-linux-c2-noseccomp"]


def test_the_oldest_and_the_newest_version_are_those_with_a_gil_where_there_are_such() -> None:
    assert oldest_and_newest(["3.13t", "3.13", "3.9", "3.10"]) == ("3.9", "3.13")
    assert oldest_and_newest(["3.14t", "3.13t"]) == ("3.13t", "3.14t")
    assert oldest_and_newest(["3.13"]) == ("3.13",)
    assert oldest_and_newest([]) == ()
