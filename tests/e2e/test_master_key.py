"""The master key of a running platform is replaced while deployments run, and none fails."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from infra.local import master_keys
from infra.local.settings import read_settings
from shared.adapters.vault import KeyFiles
from tests.e2e.client import Client
from tests.e2e.conftest import Repositories
from tests.e2e.platform import Platform

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]

ROTATIONS = 3
SECRET = "canary-of-the-greeting"
SEALED = """
SELECT split_part(sealed, '.', 2) FROM (
  SELECT sealed FROM env_vars UNION ALL SELECT sealed_token FROM jobs
  UNION ALL SELECT sealed_token FROM lease_waiters
  UNION ALL SELECT sealed_body FROM idempotency_keys
) t WHERE sealed IS NOT NULL
"""


def deploys(client: Client, service: dict[str, Any], enough: threading.Event) -> list[str]:
    """One deployment after the other; how they ended."""
    ends: list[str] = []
    while not enough.is_set() or not ends:
        ends.append(client.ended(client.deploy(service["id"]))["state"])
    return ends


def greeting_services(client: Client, url: str) -> list[dict[str, Any]]:
    """Two that greet with the secret of a third."""
    project = client.project("keys")
    db = client.service(project, "db", url)
    secret = {"key": "PASSWORD", "value": SECRET, "sealed": True}
    client.call("POST", f"/services/{db['id']}/env", json=secret)
    services = [client.service(project, f"web-{n}", url) for n in range(2)]
    for service in services:
        greeting = {"key": "GREETING", "value": "${{db.PASSWORD}}"}
        client.call("POST", f"/services/{service['id']}/env", json=greeting)
    return services


def test_the_master_key_is_replaced_while_deployments_run_and_none_fails(
    platform: Platform, repository: Repositories
) -> None:
    client, code, enough = platform.client, repository("keys"), threading.Event()
    code.app("one")
    services = greeting_services(client, code.url)
    reached = {"C2D_HOME": str(platform.home), "DATABASE_URL": platform.database_url}
    settings = read_settings(reached)
    with ThreadPoolExecutor(2) as threads:
        running = [threads.submit(deploys, client, service, enough) for service in services]
        try:
            for _ in range(ROTATIONS):
                assert master_keys.rotate(settings, lambda _: None) == 0
        finally:
            enough.set()
        ends = [end for each in running for end in each.result(120)]
    print(f"{ROTATIONS} rotations, {len(ends)} deployments")
    assert set(ends) == {"live"}

    keys = platform.home / "keys"
    newest = KeyFiles(keys).load()[-1]
    assert {name for (name,) in platform.rows(SEALED)} == {newest.id}
    master_keys.retire(settings, lambda _: None, settling_seconds=0)
    assert len(KeyFiles(keys).names()) == 1
    platform.restart("platform")
    for service in services:
        assert client.live(service["id"])["state"] == "live"
        assert client.get(service).text == f"one {SECRET}"
