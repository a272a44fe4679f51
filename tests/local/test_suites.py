"""The runner of the suites: nothing that fails or does not run is counted as passed."""

from collections import Counter
from pathlib import Path

from tests import suites


def test_the_sum_is_written_as_pytest_writes_it() -> None:
    counts = Counter(passed=12, failed=1, skipped=0)
    assert suites.summary(counts, 75.5).strip("=") == " 1 failed, 12 passed in 75.50s (0:01:15) "


def test_outcomes_are_read_from_the_report(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite tests="9" failures="2" errors="1" skipped="3"/></testsuites>'
    )
    assert suites.counted(report) == Counter(passed=3, failed=2, errors=1, skipped=3)


def test_every_folder_with_tests_is_a_suite() -> None:
    found = suites.suites()
    assert {"domain", "local", "usecases"} <= set(found)
    assert found[0] == "e2e", "the longest begins first, or it would run alone at the end"


def test_a_suite_that_cannot_be_collected_is_an_error() -> None:
    assert suites.run_suite("no-such-suite").counts["errors"] == 1
