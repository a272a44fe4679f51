"""The vault over KMS: the contract of a vault, few calls, errors with their meaning."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from shared.adapters.kms import CLIENT_CONFIG, HOLD_SECONDS, KmsVault
from shared.adapters.vault import EnvelopeVault, MasterKey
from shared.domain.errors import Invalid, PlatformError, Transient
from tests.fakes.clock import Clock
from tests.workflows.ministack import MiniStack, ministack

__all__ = ["ministack"]


class Counting:
    """A client that counts its calls and fails when told to."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.calls: list[str] = []
        self.failure: Exception | None = None

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            self.calls.append(name)
            if self.failure is not None:
                raise self.failure
            return getattr(self._client, name)(**arguments)

        return call


@pytest.fixture
def real(ministack: MiniStack) -> Any:
    return boto3.client(
        "kms",
        endpoint_url=ministack.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=CLIENT_CONFIG,
    )


@pytest.fixture
def client(real: Any) -> Counting:
    return Counting(real)


@pytest.fixture
def key(real: Any) -> str:
    return str(real.create_key(Description="test")["KeyMetadata"]["KeyId"])


@pytest.fixture
def vault(client: Counting, key: str) -> KmsVault:
    return KmsVault(client, key, "platform-1")


def test_what_is_sealed_opens_again_in_its_context_only(vault: KmsVault) -> None:
    sealed = vault.seal("hunter2 é \ud83d", "a")
    assert vault.open(sealed, "a") == "hunter2 é \ud83d"
    assert "hunter2" not in sealed
    with pytest.raises(Invalid, match="damaged or belongs elsewhere"):
        vault.open(sealed, "b")
    assert vault.seal("x", "a") != vault.seal("x", "a")


def test_another_process_opens_it_with_one_question(
    vault: KmsVault, client: Counting, key: str
) -> None:
    sealed = [vault.seal(str(n), "a") for n in range(50)]
    assert client.calls == ["generate_data_key"]
    other = KmsVault(client, key, "platform-1")
    assert [other.open(each, "a") for each in sealed] == [str(n) for n in range(50)]
    assert client.calls == ["generate_data_key", "decrypt"]


def test_a_data_key_is_kept_for_minutes(client: Counting, key: str) -> None:
    clock = Clock()
    vault = KmsVault(client, key, "platform-1", clock=clock)
    sealed = vault.seal("x", "a")
    clock.now = HOLD_SECONDS + 1
    later = vault.seal("y", "a")
    assert client.calls == ["generate_data_key"] * 2
    assert sealed.split(".")[2] != later.split(".")[2]
    assert vault.open(sealed, "a") == "x"
    assert client.calls[2:] == ["decrypt"]


def test_another_platform_with_the_same_key_opens_nothing(
    vault: KmsVault, client: Counting, key: str
) -> None:
    sealed = vault.seal("x", "a")
    with pytest.raises(Invalid):
        KmsVault(client, key, "platform-2").open(sealed, "a")


@pytest.mark.parametrize("part", [2, 3])
def test_every_changed_part_is_noticed(
    vault: KmsVault, client: Counting, key: str, part: int
) -> None:
    parts = vault.seal("secret", "a").split(".")
    for place in range(0, len(parts[part]), 7):
        text = parts[part]
        changed = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
        with pytest.raises(Invalid):
            KmsVault(client, key, "platform-1").open(
                ".".join([*parts[:part], changed, *parts[part + 1 :]]), "a"
            )


@pytest.mark.parametrize("text", ["", "plain", "c2k1.a.b", "c2k1.a.é.b", "c2k9.a.AA.AA"])
def test_what_is_no_sealed_value_is_invalid(vault: KmsVault, text: str) -> None:
    with pytest.raises(Invalid):
        vault.open(text, "a")


def test_another_key_seals_from_now_on_and_the_one_before_still_opens(
    vault: KmsVault, client: Counting, real: Any
) -> None:
    old = vault.seal("x", "a")
    second = real.create_key(Description="second")["KeyMetadata"]["KeyId"]
    newer = KmsVault(client, second, "platform-1")
    assert newer.open(old, "a") == "x"
    assert not old.startswith(newer.mark)
    assert newer.seal("x", "a").startswith(newer.mark)
    assert newer.mark != vault.mark


def test_what_a_key_file_sealed_opens_too(client: Counting, key: str) -> None:
    files = EnvelopeVault([MasterKey.generate()])
    vault = KmsVault(client, key, "platform-1", files=files)
    old = files.seal("x", "a")
    assert vault.open(old, "a") == "x"
    assert not old.startswith(vault.mark)
    with pytest.raises(Invalid):
        KmsVault(client, key, "platform-1").open(old, "a")


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "GenerateDataKey")


@pytest.mark.parametrize(
    ("failure", "means"),
    [
        (refused("ThrottlingException"), Transient),
        (refused("KMSInternalException"), Transient),
        (refused("AccessDeniedException"), PlatformError),
        (refused("DisabledException"), PlatformError),
        (EndpointConnectionError(endpoint_url="http://kms"), Transient),
    ],
)
def test_errors_say_whether_trying_again_helps(
    vault: KmsVault, client: Counting, failure: Exception, means: type[PlatformError]
) -> None:
    client.failure = failure
    with pytest.raises(means) as raised:
        vault.seal("x", "a")
    assert type(raised.value) is means
    client.failure = None
    sealed = vault.seal("x", "a")
    client.failure = failure
    assert vault.open(sealed, "a") == "x"


def test_a_disabled_key_of_the_real_service_is_named(vault: KmsVault, real: Any, key: str) -> None:
    real.disable_key(KeyId=key)
    with pytest.raises(PlatformError, match="C2D_KMS_KEY_ID"):
        vault.seal("x", "a")


def test_bootstrap_makes_it_when_a_key_is_named(
    ministack: MiniStack, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shared.adapters.kms import kms_vault

    for name, value in (
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ):
        monkeypatch.setenv(name, value)
    before = MasterKey.generate()
    before.store(tmp_path / "master-0001.json")
    vault = kms_vault(key, ministack.url, "platform-1", tmp_path)
    assert vault.open(EnvelopeVault([before]).seal("x", "a"), "a") == "x"
    assert vault.seal("x", "a").startswith("c2k1.")
