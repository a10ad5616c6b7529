"""What cut-off runs leave on a real engine: it is named by the doctor, and what a living lab uses is not."""

from __future__ import annotations

import io
import secrets
import tarfile
from collections.abc import Iterator

import pytest

from lab.doctor.rights import left_behind
from lab.targets.cleanup import OWNER_LABEL, RUN_LABEL, left_by
from lab.targets.engine import Engine
from lab.targets.owners import owner

pytestmark = pytest.mark.engine

DEAD = " ".join((*owner().split(" ")[:2], "5", *owner().split(" ")[3:]))


@pytest.fixture
def image(engine: Engine) -> Iterator[str]:
    """An image without anything in it: its containers are created and never started."""
    empty = io.BytesIO()
    tarfile.open(fileobj=empty, mode="w").close()
    name = f"comparison-lab-empty:{secrets.token_hex(4)}"
    engine.client.api.import_image_from_data(empty.getvalue(), *name.split(":"))
    yield name
    engine.client.images.remove(name, force=True)


def test_the_doctor_names_what_dead_runs_left_and_nothing_of_living_ones(engine: Engine, image: str) -> None:
    cut_off, living = (f"test-{secrets.token_hex(6)}" for _ in range(2))
    labels = {RUN_LABEL: cut_off, OWNER_LABEL: DEAD}
    try:
        engine.client.networks.create(cut_off, driver="bridge", internal=True, labels=labels)
        engine.client.containers.create(image, ["nothing"], labels=labels)
        engine.client.containers.create(image, ["nothing"], labels={RUN_LABEL: living, OWNER_LABEL: owner()})
        (finding,) = left_behind(engine)
        assert finding.state == "harms"
        assert cut_off in finding.seen
        assert living not in finding.seen
        assert finding.help == "python -m lab clean"
        assert left_by(engine, cut_off).remove() == 2
        assert cut_off not in left_behind(engine)[0].seen
        assert len(left_by(engine, living).containers) == 1
    finally:
        for run in (cut_off, living):
            left_by(engine, run).remove()
