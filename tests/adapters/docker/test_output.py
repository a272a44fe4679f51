"""An app's output as the engine keeps it: long lines come whole, from wherever one reads."""

import pytest

from shared.ports.compute import InstanceState
from tests.adapters.docker.conftest import Cloud, a_spec, until

pytestmark = pytest.mark.docker

LONG = 40_000
LETTERS = "abcdefghijklmnopqrstuvwxyz"
COMMAND = f"""python3 -c '
import sys
line = "{LETTERS}" * ({LONG} // 26 + 1)
print("first")
print(line[:{LONG}])
print(line[:16384])
print(line[:16385])
for number in range(200): print("error", number, file=sys.stderr)
print("last", flush=True)
sys.stdout.write(line[:16384] + "unfinished")
sys.stdout.flush()
import time
time.sleep(300)
'"""


@pytest.fixture
def made(engine_cloud: Cloud) -> str:
    provider_id = engine_cloud.compute.create(
        a_spec(command=COMMAND, image="python:3.11-slim-bookworm")
    )
    engine_cloud.compute.start(provider_id)
    until(lambda: len(engine_cloud.compute.logs(provider_id, 1000)) >= 205)
    return provider_id


def test_a_line_longer_than_the_engines_pieces_is_one_line(engine_cloud: Cloud, made: str) -> None:
    whole = engine_cloud.compute.logs(made, 1000)
    texts = [line.text for line in whole if line.stream == "stdout"]
    assert [len(text) for text in texts] == [5, LONG, 16384, 16385, 4]
    assert texts[1] == (LETTERS * LONG)[:LONG]
    assert len(whole) == 205


@pytest.mark.parametrize("tail", [1, 2, 3, 50, 200, 204, 205])
def test_it_begins_with_a_whole_line_wherever_it_is_cut(
    engine_cloud: Cloud, made: str, tail: int
) -> None:
    lines = engine_cloud.compute.logs(made, tail)
    assert len(lines) <= tail
    whole = {line.text for line in engine_cloud.compute.logs(made, 1000)}
    assert {line.text for line in lines} <= whole


def test_from_an_instant_on_no_line_comes_without_its_beginning(
    engine_cloud: Cloud, made: str
) -> None:
    whole = engine_cloud.compute.logs(made, 1000)
    long = next(line for line in whole if len(line.text) == LONG)
    found = engine_cloud.compute.logs(made, 1000, since=long.at)
    assert found[0].text in {long.text, "error 0"}
    assert {line.text for line in found} < {line.text for line in whole}


def test_a_line_cut_by_its_processs_end_is_not_mixed_with_the_next_ones(
    engine_cloud: Cloud,
) -> None:
    """The engine keeps its piece like that of a long line, and the next process's line after it."""
    command = "printf 'begun\\nhalf of a secret'; sleep 0.3; exit 3"
    made = engine_cloud.compute.create(a_spec(command=command))
    for starts in (1, 2):
        engine_cloud.compute.start(made)
        until(lambda: engine_cloud.compute.status(made).state is InstanceState.EXITED)
        texts = [line.text for line in engine_cloud.compute.logs(made, 100)]
        assert texts == ["begun"] * starts
