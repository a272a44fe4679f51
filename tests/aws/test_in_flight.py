"""What earlier releases sent is taken in by this one, and this one's recording is up to date."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import pytest

from shared import VERSION, machines
from shared.adapters.local_lambda import invoke
from shared.domain import payloads
from shared.domain.errors import PlatformError, Transient
from tests.aws import record, stories
from tests.aws.record import RELEASES, recorded
from tests.aws.stories import STORIES, Playing, Stage, over
from tests.databases import Cluster

Recorded = dict[str, Any]
each_release = pytest.mark.parametrize("release", RELEASES)
each_story = pytest.mark.parametrize("story", STORIES)


@pytest.fixture
def database(postgres: Cluster) -> Iterator[str]:
    with postgres.empty_database() as url:
        yield url
        postgres.disconnect(url)


def test_this_release_is_recorded() -> None:
    assert VERSION in RELEASES, "python -m tests.aws.record"


# --- executions that were started by an earlier release ---------------------------------------


@each_release
@each_story
def test_functions_take_what_an_earlier_releases_definitions_hand_them(
    release: str, story: str
) -> None:
    """Its executions finish on its definitions, and call today's functions."""
    told = recorded(release, story)
    world = Stage()
    replay = Replay(world, story)
    with over(world):
        for entry in told["entries"]:
            replay.play(entry)
    assert [world.get(each).state.value for each in world.deployments] == told["ends"]


class Replay:
    """Plays what was recorded, with today's ids in place of the recorded ones."""

    def __init__(self, world: Stage, story: str) -> None:
        self._world = world
        self._scenes = iter(STORIES[story])
        self._renamed: dict[str, str] = {}

    def play(self, entry: Recorded) -> None:
        if "start" in entry:
            self._scene = next(self._scenes)
            made = self._world.asked(self._scene)
            ids = stories.ids(self._world.played, made)
            self._renamed |= {entry["input"][key]: str(value) for key, value in ids.items()}
            return
        call = self._now(entry)
        if "raises" in call:
            with pytest.raises(PlatformError) as raised:
                invoke(call["call"], call["payload"])
            assert type(raised.value).__name__ == call["raises"]
            return
        answer = invoke(call["call"], call["payload"])
        assert answer.keys() >= call["output"].keys(), "its definitions read these"
        for now, was in zip(self._world.end_jobs(self._scene), call["jobs"], strict=True):
            assert now["kind"] == was["kind"]
            assert now["spec"].keys() >= was["spec"].keys(), "an earlier agent reads these"

    def _now(self, entry: Recorded) -> Recorded:
        text = json.dumps(entry)
        for was, is_ in self._renamed.items():
            text = text.replace(was, is_)
        return dict(json.loads(text))


@pytest.mark.postgres
@each_release
@each_story
def test_definitions_take_what_an_earlier_release_starts_them_with(
    release: str, story: str, database: str
) -> None:
    """A function of it that still runs starts today's definitions."""
    told = recorded(release, story)
    inputs = iter([entry["input"] for entry in told["entries"] if "start" in entry])
    assert Playing(database, inputs).play(story) == told["ends"]


@each_release
def test_no_function_vanishes_while_an_execution_may_call_it(release: str) -> None:
    """One that is no longer used stays for one release more: then nothing calls it."""
    called = {name for names in recorded(release, "definitions").values() for name in names}
    assert called <= set(machines.FUNCTIONS)
    assert recorded(release, "definitions").keys() <= set(machines.MACHINES)


@each_release
def test_migrations_run_with_the_library_of_an_earlier_release(release: str) -> None:
    """Its function `migrate` gets today's migrations before it gets today's library."""
    new = set(record.library_of_migrations()) - set(recorded(release, "migrations")["library"])
    assert not new, f"{release} may not have it; if it was never released, record it again"


@pytest.mark.parametrize("name", machines.FUNCTIONS)
def test_an_input_of_a_newer_release_is_tried_again_and_touches_nothing(name: str) -> None:
    world = Stage()
    with over(world):
        before = world.store.commits
        newer = {"version": payloads.VERSION + 1, "deployment": {"renamed": str(uuid4())}}
        with pytest.raises(Transient, match="tried again until a newer release serves"):
            invoke(name, newer)
        assert world.store.commits == before


def test_every_state_that_calls_a_function_tries_again_what_is_transient() -> None:
    """So an input that is too new waits for its release, and is not lost."""
    tries = {}
    for machine in machines.MACHINES:
        for name, state in _states(machine):
            errors = {e for retry in state.get("Retry", []) for e in retry["ErrorEquals"]}
            tries[f"{machine}.{name}"] = bool(errors & {"Transient", "States.ALL"})
    assert tries
    assert all(tries.values()), [name for name, is_tried in tries.items() if not is_tried]


def _states(machine: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    from shared.adapters.asl.loading import load_folder
    from shared.settings import Timeouts

    loaded = load_folder(machines.FOLDER, machines.substitutions(Timeouts()))[machine]
    for name, state in loaded.document["States"].items():
        if "lambda:invoke" in state.get("Resource", ""):
            yield name, state


# --- the recording itself ---------------------------------------------------------------------


@pytest.mark.postgres
def test_the_recording_of_this_release_is_what_it_sends(database: str) -> None:
    """Shapes: ids and times differ. Until it is released, record again: `tests.aws.record`."""
    today = record.recording(database)
    files = {path.stem for path in (record.FOLDER / VERSION).iterdir()}
    assert files == today.keys()
    for name, sent in today.items():
        assert shape(recorded(VERSION, name)) == shape(sent), name


def shape(value: Any) -> Any:
    """The value with every text and number replaced by its type; names of calls stay."""
    match value:
        case dict():
            return {
                key: inner if key in {"call", "start", "raises", "path"} else shape(inner)
                for key, inner in value.items()
            }
        case list():
            return [shape(inner) for inner in value]
        case str() if value.startswith("{"):
            return shape(json.loads(value))
        case _:
            return type(value).__name__


def test_the_stories_call_every_function() -> None:
    called = {e.get("call") for s in STORIES for e in recorded(VERSION, s)["entries"]}
    assert set(machines.FUNCTIONS) <= called
