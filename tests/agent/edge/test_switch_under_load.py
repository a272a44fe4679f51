"""Switching under load loses nothing, and the measurement would notice if it did."""

from pathlib import Path

import pytest

from benchmarks.switch import measure

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize(("rate", "switches"), [(50, 4), (500, 4)])
def test_no_request_fails_and_every_answer_is_of_a_serving_version(
    tmp_path: Path, rate: int, switches: int
) -> None:
    report = measure(rate, switches, tmp_path)
    assert report.failures == []
    assert len(report.outcomes) > rate * 4
    assert {outcome.version for outcome in report.outcomes} == {
        f"v{number}" for number in range(switches + 1)
    }
    assert max(report.switch_ms) < 1000


def test_an_old_version_that_is_killed_before_it_is_drained_is_noticed(tmp_path: Path) -> None:
    report = measure(200, 2, tmp_path, drained=False)
    assert report.failures
