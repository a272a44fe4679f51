"""Our webhook on a repository: made once, changed, looked through, removed."""

from datetime import timedelta

import pytest

from shared.domain.errors import AccessLost, NotFound
from shared.domain.ids import now
from shared.domain.signatures import is_genuine, signature
from tests.adapters.git.conftest import Host
from tests.contracts.conftest import Receiver, receiver
from tests.standins.entities import Level

pytestmark = pytest.mark.enable_socket
__all__ = ["receiver"]


def test_a_push_reaches_the_hook_with_its_secret(host: Host, receiver: Receiver) -> None:
    name = host.repository()
    made = host.adapter.register(host.token, name, url=receiver.url, secret="s3cret")
    host.server.push(name, {"a": "b"})
    headers, body = receiver.got[-1]
    if host.is_github:
        assert headers["x-hub-signature-256"] == signature("s3cret", body)
        assert made.delivered_as == headers["x-github-hook-id"] == made.id
    else:
        assert headers["x-gitlab-token"] == "s3cret"
        assert made.delivered_as is None


def test_registering_again_takes_the_same_hook_over(host: Host, receiver: Receiver) -> None:
    name = host.repository()
    first = host.adapter.register(host.token, name, url=receiver.url, secret="one")
    again = host.adapter.register(host.token, name, url=receiver.url, secret="two")
    assert again.id == first.id
    [hook] = host.server.hooks_at(name)
    assert hook.secret == "two"


def test_a_changed_secret_counts_from_the_next_delivery(host: Host, receiver: Receiver) -> None:
    from shared.domain.git import Provider

    name = host.repository()
    made = host.adapter.register(host.token, name, url=receiver.url, secret="old")
    host.adapter.change_secret(host.token, name, made.id, url=receiver.url, secret="new")
    host.server.push(name, {"a": "b"})
    headers, body = receiver.got[-1]
    kind = Provider.GITHUB if host.is_github else Provider.GITLAB
    assert is_genuine(kind, headers, body, ["new"])
    assert not is_genuine(kind, headers, body, ["old"])


def test_a_removed_hook_is_gone_and_removing_it_again_is_fine(
    host: Host, receiver: Receiver
) -> None:
    name = host.repository()
    made = host.adapter.register(host.token, name, url=receiver.url, secret="s")
    host.adapter.remove(host.token, name, made.id)
    assert host.server.hooks_at(name) == []
    host.adapter.remove(host.token, name, made.id)


def test_who_may_only_write_cannot_register(host: Host, receiver: Receiver) -> None:
    name = host.repository()
    host.server.repository(name).access["ada"] = Level.WRITE
    with pytest.raises((AccessLost, NotFound)):
        host.adapter.register(host.token, name, url=receiver.url, secret="s")


def test_what_was_sent_is_listed_oldest_first_and_sent_again(
    host: Host, receiver: Receiver
) -> None:
    name = host.repository()
    made = host.adapter.register(host.token, name, url=receiver.url, secret="s")
    began = now() - timedelta(seconds=2)
    for text in ("one", "two"):
        host.server.push(name, {"a": text})
    seen = host.adapter.deliveries(host.token, name, made.id, began)
    ids = {h.get("x-github-delivery") or h.get("idempotency-key") for h, _ in receiver.got}
    assert {each.delivery_id for each in seen} <= ids
    pushes = [each for each in seen if each.event.lower().startswith("push")]
    assert len(pushes) == 2
    count = len(receiver.got)
    host.adapter.redeliver(host.token, name, made.id, pushes[0].handle)
    host.server.dispatcher.settle()
    headers, _ = receiver.got[count]
    again = headers.get("x-github-delivery") or headers.get("idempotency-key")
    assert again == pushes[0].delivery_id


def test_nothing_was_sent_after_now(host: Host, receiver: Receiver) -> None:
    name = host.repository()
    made = host.adapter.register(host.token, name, url=receiver.url, secret="s")
    host.server.push(name, {"a": "b"})
    later = now() + timedelta(minutes=1)
    seen = host.adapter.deliveries(host.token, name, made.id, later)
    assert [each for each in seen if each.at is not None] == []
