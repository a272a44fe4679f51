"""A line of the log: one JSON object, the ids of its own work, no secrets."""

import json
import logging
import threading
from typing import Any

import pytest

from shared.observing.fields import known, note, work
from shared.observing.invocations import observed
from shared.observing.lines import JsonLines, Log
from tests.observing.written import Written

log = Log("shared.tests")


def test_a_line_says_when_how_bad_who_and_what(written: Written) -> None:
    with work(request_id="r-1"):
        log.info("it happened", seconds=1.5, names=["a", "b"], nothing=None)
    [line] = written.lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "INFO",
        "logger": "shared.tests",
        "message": "it happened",
        "request_id": "r-1",
        "correlation_id": "r-1",
        "seconds": 1.5,
        "names": ["a", "b"],
    }


def test_a_text_with_line_breaks_stays_one_line(written: Written) -> None:
    log.warning("one\ntwo\r\n", reason='{"level":"ERROR"}\n')
    [line] = written.lines()
    assert (line["message"], line["level"]) == ("one\ntwo\r\n", "WARNING")


def test_libraries_are_heard_from_warnings_on(written: Written) -> None:
    logging.getLogger("some.library").info("chatter")
    logging.getLogger("some.library").warning("%s broke", "it")
    assert [line["message"] for line in written.lines()] == ["it broke"]


def test_an_exception_brings_its_trace(written: Written) -> None:
    try:
        int("no number")
    except ValueError:
        log.exception("failed")
    [line] = written.lines()
    assert (line["level"], line["exception"]) == ("ERROR", "ValueError")
    assert "test_lines.py" in line["trace"]


def test_only_ids_can_be_noted() -> None:
    with work(), pytest.raises(TypeError, match="authorization"):
        note(authorization="Bearer abc")


def test_outside_of_any_work_nothing_is_kept() -> None:
    note(request_id="r-1")
    assert known() == {}


def test_what_is_noted_inside_is_forgotten_outside() -> None:
    with work(request_id="outer"):
        with work(job_id="inner"):
            assert known()["job_id"] == "inner"
            assert known()["request_id"] == "outer"
        assert "job_id" not in known()
    assert known() == {}


def test_two_pieces_of_work_at_once_do_not_mix_their_ids(written: Written) -> None:
    together = threading.Barrier(8)

    @observed
    def handler(event: Any, _context: Any) -> dict[str, Any]:
        note(deployment_id=event["id"])
        together.wait(10)
        log.info("mine", expected=event["id"])
        return {}

    threads = [
        threading.Thread(target=handler, args=({"id": f"deployment-{n}"}, None)) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    lines = written.lines()
    assert len(lines) == 8
    assert all(line["deployment_id"] == line["expected"] for line in lines)


ENVIRONMENT = {
    "DATABASE_URL": "postgresql://c2d:s3cr3t-of-the-base@db.internal:5432/c2d",
    "C2D_API_TOKEN": "owner-token-of-the-platform",
    "C2D_GITHUB_CLIENT_SECRET": "github-app-secret",
    "C2D_REGISTRY_PASSWORD": "harbor'password",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG",
    "AWS_SESSION_TOKEN": "session/token==",
    "C2D_KMS_KEY_ID": "alias/click-to-deploy",
    "AWS_REGION": "eu-central-1",
}


def formatted(message: str, **more: object) -> str:
    record = logging.LogRecord("shared.x", logging.INFO, "x.py", 1, message, None, None)
    record.more = more
    return JsonLines(ENVIRONMENT).format(record)


@pytest.mark.parametrize(
    "secret",
    [
        "s3cr3t-of-the-base",
        "owner-token-of-the-platform",
        "github-app-secret",
        "harbor'password",
        "wJalrXUtnFEMI/K7MDENG",
        "session/token==",
        "c2d_abcdefghijklmnopqrstuvwxyz",
        "c2dj_abcdefghijklmnopqrstuvwxyz",
        "c2da_abcdefghijklmnopqrstuvwxyz",
        "Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    ],
)
def test_secrets_of_the_environment_and_tokens_are_masked_wherever_they_turn_up(
    secret: str,
) -> None:
    text = formatted(f"called with {secret}!", reason=f"it said '{secret}'", all=[secret])
    assert secret.removeprefix("Bearer ") not in text
    assert json.loads(text)["message"].endswith("***!")


def test_what_is_no_secret_stays_readable() -> None:
    said = "db.internal:5432 in eu-central-1 with alias/click-to-deploy and c2d_app"
    assert json.loads(formatted(said))["message"] == said


def test_a_line_is_never_longer_than_the_log_takes() -> None:
    assert len(formatted("x" * 10**6, reason="y" * 10**6)) < 64 * 1024


def test_the_ids_of_an_invocation_are_those_of_its_context(written: Written) -> None:
    class Context:
        function_name = "test-ApiMeGet"
        aws_request_id = "req-1"

    @observed
    def handler(_event: Any, _context: Any) -> dict[str, Any]:
        log.info("inside")
        return {}

    handler({"headers": {"authorization": "Bearer never-written-at-all"}}, Context())
    [line] = written.lines()
    assert (line["function"], line["lambda_request_id"]) == ("test-ApiMeGet", "req-1")
    assert "never-written" not in written.text
