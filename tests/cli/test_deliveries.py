"""`c2d deliveries` against the platform's own endpoints."""

import json
from collections.abc import Iterator

import pytest

from shared.http import deps
from tests.cli.conftest import Cli
from tests.cli.fake_server import FakePlatform
from tests.cli.served import served
from tests.consumers.inbox import Inbox
from tests.consumers.made import a_sha


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def platform(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePlatform]:
    """The platform's own routers on a real socket, over the inbox."""
    ports = {deps.webhook_queue: lambda: inbox.queue}
    with served(inbox.store, inbox.org, ports, monkeypatch) as platform:
        yield platform


def test_the_list_says_what_came_and_what_became_of_it(c2d: Cli, inbox: Inbox) -> None:
    assert "Nothing was delivered yet" in c2d("deliveries", "list").stderr
    inbox.service()
    inbox.decided(inbox.push("one"))
    skipped = inbox.decided(inbox.push("two", ref="refs/heads/dev"))
    table = c2d("deliveries", "list").stdout
    assert a_sha("one")[:10] in table
    assert table.index("skipped") < table.index("deployed"), "newest first"
    only = json.loads(c2d("deliveries", "list", "--state", "skipped", "--json").stdout)
    assert [each["id"] for each in only["items"]] == [str(skipped.id)]
    assert "There is none" in c2d("deliveries", "list", "--state", "dead").stderr


def test_one_is_shown_with_its_whole_reason_and_replayed(c2d: Cli, inbox: Inbox) -> None:
    web = inbox.service()
    inbox.change(web, autodeploy=False)
    delivery = inbox.decided(inbox.push())
    shown = c2d("deliveries", "show", str(delivery.id)).stdout
    assert "web: deploying on push is paused for this service" in shown
    inbox.change(web, autodeploy=True)
    assert "decided on anew" in c2d("deliveries", "replay", str(delivery.id)).stderr
    inbox.consume()
    document = json.loads(c2d("deliveries", "show", str(delivery.id), "--json").stdout)
    assert document["state"] == "deployed"
    assert document["deployment_ids"] == [str(inbox.deployments(web)[0].id)]


def test_one_that_waits_is_not_replayed(c2d: Cli, inbox: Inbox) -> None:
    delivery = inbox.deliver(inbox.push()).delivery
    refused = c2d("deliveries", "replay", str(delivery.id))
    assert refused.exit_code != 0
    assert "still waits" in refused.stderr
