"""Signing in without a password, as the function's own role."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import botocore.auth
import pytest

from shared.adapters.postgres import iam, pooled
from shared.adapters.postgres.engine import pooled_engine
from shared.adapters.postgres.unit_of_work import SqlUnitOfWork
from tests.adapters.pgbouncer.servers import PASSWORD, ROLE, Pooler

KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "AWS_REGION": "eu-central-1",
}
HOST = "proxy.proxy-abc.eu-central-1.rds.amazonaws.com"
AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.mark.parametrize("session", [None, "a/session+token=="])
def test_a_token_is_what_the_vendors_own_library_makes(
    session: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = KEYS if session is None else {**KEYS, "AWS_SESSION_TOKEN": session}
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda **_: AT.replace(tzinfo=None))
    client = boto3.client(
        "rds",
        region_name=KEYS["AWS_REGION"],
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=session,
    )
    theirs = client.generate_db_auth_token(HOST, 5432, "the user")
    ours = iam.token(HOST, 5432, "the user", environment, AT)
    assert _parts(ours) == _parts(theirs)


def _parts(token: str) -> tuple[str, dict[str, Any]]:
    url = urlsplit(f"https://{token}")
    return f"{url.netloc}{url.path}", parse_qs(url.query)


@pytest.mark.postgres
def test_a_url_without_a_password_gets_one_for_each_connection(
    pooler: Pooler, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int, str]] = []

    def token(host: str, port: int, user: str, *_: object) -> str:
        asked.append((host, port, user))
        return PASSWORD

    monkeypatch.setattr(iam, "token", token)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    engine = pooled_engine(f"postgresql://{ROLE}@127.0.0.1:{pooler.port}/c2d")
    for _ in range(2):
        with SqlUnitOfWork(engine):
            pass
        engine.dispose()
    assert asked == [("127.0.0.1", pooler.port, ROLE)] * 2
    assert pooled_engine(pooler.url).url.password == PASSWORD


def test_a_password_in_the_url_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    given: list[dict[str, Any]] = []

    def connect(arguments: dict[str, Any]) -> Any:
        given.append(arguments)
        raise ConnectionRefusedError

    monkeypatch.setattr(pooled, "connect", connect)
    for url in ("postgresql://u:p@h/d", "postgresql:///d"):
        with pytest.raises(ConnectionRefusedError):
            pooled_engine(url).connect()
    assert [each.get("password") for each in given] == ["p", None]
