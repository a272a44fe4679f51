"""Taking deliveries in: proofs, duplicates, what is refused and what is kept of it."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from shared.domain.errors import NotFound, TooLarge, Unauthenticated
from shared.domain.git import Provider
from shared.domain.signatures import is_genuine, signature
from shared.domain.webhooks import Verdict
from shared.usecases.intake import REFUSALS_A_MINUTE
from tests.consumers.inbox import SECRET, Inbox
from tests.fakes.queue import FakeQueue
from tests.usecases.world import OTHER


def test_the_signature_is_githubs() -> None:
    made = signature("It's a Secret to Everybody", b"Hello, World!")
    assert made == "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


@pytest.mark.parametrize(
    "given", ["", "sha256=", "sha1=757107ea", "757107ea", "sha256=é", "sha256=" + "0" * 64]
)
def test_anything_else_is_not(given: str) -> None:
    headers = {"x-hub-signature-256": given}
    assert not is_genuine(Provider.GITHUB, headers, b"Hello, World!", [SECRET])


def test_an_empty_token_proves_nothing() -> None:
    assert not is_genuine(Provider.GITLAB, {"x-gitlab-token": ""}, b"{}", [""])
    assert not is_genuine(Provider.GITLAB, {}, b"{}", [SECRET])
    assert is_genuine(Provider.GITLAB, {"x-gitlab-token": SECRET}, b"{}", [SECRET])


def test_a_delivery_is_stored_and_queued_and_its_content_is_what_the_decision_needs(
    inbox: Inbox,
) -> None:
    receipt = inbox.deliver(inbox.push())
    assert not receipt.duplicate
    [stored] = inbox.all()
    assert (stored.verdict, stored.attempt, stored.queued_at) == (None, 1, inbox.at)
    assert stored.payload["event"]["ref"] == "main"
    assert "repository" not in json.dumps(stored.payload), "the payload itself is not kept"
    [message] = inbox.queue.receive(10)
    assert message.body["delivery_id"] == str(stored.id)
    assert message.group == str(inbox.hook.id)


def test_five_times_the_same_delivery_at_once_is_one_deployment(inbox: Inbox) -> None:
    web = inbox.service()
    incoming = inbox.incoming(json.dumps(inbox.push()).encode())
    with ThreadPoolExecutor(5) as threads:
        receipts = list(threads.map(lambda _: inbox.take(incoming), range(5)))
    assert sorted(receipt.duplicate for receipt in receipts) == [False, True, True, True, True]
    inbox.consume()
    assert inbox.take(incoming).duplicate, "also after it was decided on"
    assert inbox.consume() == 0
    assert len(inbox.deployments(web)) == len(inbox.all()) == len(inbox.workflows.executions) == 1


def test_a_delivery_that_was_stored_but_not_queued_is_queued_when_it_comes_again(
    inbox: Inbox,
) -> None:
    web = inbox.service()
    assert isinstance(inbox.queue, FakeQueue)
    incoming = inbox.incoming(json.dumps(inbox.push()).encode())
    inbox.queue.away = True
    assert inbox.take(incoming).delivery.verdict is None
    inbox.queue.away = False
    assert inbox.consume() == 0
    assert inbox.take(incoming).duplicate
    inbox.consume()
    assert len(inbox.deployments(web)) == 1


def test_a_wrong_signature_is_refused_and_seen_but_not_too_often(inbox: Inbox) -> None:
    body = json.dumps(inbox.push()).encode()
    wrong = {"x-hub-signature-256": signature("another", body), "x-github-delivery": "claimed"}
    for _ in range(3 * REFUSALS_A_MINUTE):
        with pytest.raises(Unauthenticated, match="signature"):
            inbox.take(inbox.incoming(body, **wrong))
    kept = inbox.all()
    assert len(kept) == REFUSALS_A_MINUTE
    assert {d.verdict for d in kept} == {Verdict.REJECTED}
    assert kept[0].reason == "the signature is not one of this webhook's secret"
    assert kept[0].payload == {"claimed_id": "claimed"}
    inbox.later(minutes=1)
    with pytest.raises(Unauthenticated):
        inbox.take(inbox.incoming(body, **wrong))
    assert len(inbox.all()) == REFUSALS_A_MINUTE + 1
    assert inbox.consume() == 0


def test_refused_once_it_is_taken_when_it_comes_with_a_good_signature(inbox: Inbox) -> None:
    body = json.dumps(inbox.push()).encode()
    good = inbox.incoming(body)
    with pytest.raises(Unauthenticated):
        inbox.take(replace(good, headers={**good.headers, "x-hub-signature-256": "sha256=0"}))
    assert not inbox.take(good).duplicate


def test_one_byte_more_is_another_body(inbox: Inbox) -> None:
    good = inbox.incoming(json.dumps(inbox.push()).encode())
    with pytest.raises(Unauthenticated):
        inbox.take(replace(good, body=(good.body or b"") + b" "))


def test_an_unknown_hook_is_not_found_and_nothing_is_stored(inbox: Inbox) -> None:
    for name in ("0", "", "x" * 10_000):
        with pytest.raises(NotFound):
            inbox.deliver(inbox.push(), **{"x-github-hook-id": name})
    assert inbox.all() == []


def test_the_secret_before_the_last_rotation_works_until_its_end(inbox: Inbox) -> None:
    seal, id_ = inbox.vault.seal, str(inbox.hook.id)
    ends = inbox.at + timedelta(hours=24)
    with inbox.store as uow:
        rotated = replace(
            inbox.hook,
            sealed_secret=seal("new", id_),
            sealed_previous_secret=seal(SECRET, id_),
            previous_until=None,
        )
        uow.hooks.save(rotated)
    inbox.deliver(inbox.push("before the provider was told"))
    with inbox.store as uow:
        uow.hooks.save(replace(rotated, previous_until=ends))
    inbox.deliver(inbox.push("during the overlap"))
    body = json.dumps(inbox.push("with the new one")).encode()
    inbox.take(inbox.incoming(body, **{"x-hub-signature-256": signature("new", body)}))
    inbox.later(hours=25)
    with pytest.raises(Unauthenticated):
        inbox.deliver(inbox.push("too late"))
    assert [d.verdict for d in inbox.all()] == [None, None, None, Verdict.REJECTED]


def test_servers_that_share_an_id_are_told_apart_by_their_secrets() -> None:
    first = Inbox(provider_hook_id="7")
    second = Inbox(first.store, first.queue, OTHER, provider_hook_id="7")
    with second.store as uow:
        sealed = second.vault.seal("second", str(second.hook.id))
        uow.hooks.save(replace(second.hook, sealed_secret=sealed))
    body = json.dumps(second.push()).encode()
    taken = second.take(second.incoming(body, **{"x-hub-signature-256": signature("second", body)}))
    assert taken.delivery.organization_id == OTHER
    assert first.deliver(first.push()).delivery.organization_id == first.org


def test_what_is_said_in_the_address_finds_the_hook_too(inbox: Inbox) -> None:
    with inbox.store as uow:
        uow.hooks.save(replace(inbox.hook, provider_hook_id=str(inbox.hook.id)))
    ping = inbox.incoming(b'{"zen": "Keep it logically awesome."}', "ping")
    taken = inbox.take(replace(ping, hook=str(inbox.hook.id)))
    assert (taken.delivery.verdict, taken.delivery.reason) == (
        Verdict.SKIPPED,
        "a ping: the webhook works",
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[1, 2]",
        b'"text"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"ref": ' + b"9" * 5000,
    ],
    ids=["empty", "text", "list", "string", "bytes", "deep", "number"],
)
def test_a_proven_body_that_is_no_payload_is_taken_and_rejected(inbox: Inbox, body: bytes) -> None:
    delivery = inbox.take(inbox.incoming(body)).delivery
    assert delivery.verdict is Verdict.REJECTED
    assert delivery.reason in {"the body is not JSON", "the payload is not an object"}
    assert inbox.consume() == 0


def test_a_push_that_is_none_is_rejected_with_what_is_wrong(inbox: Inbox) -> None:
    delivery = inbox.deliver({**inbox.push(), "after": "deadbeef"}).delivery
    assert delivery.verdict is Verdict.REJECTED
    assert delivery.reason == "'deadbeef' is not the SHA of a commit"


def test_a_payload_in_a_form_is_read(inbox: Inbox) -> None:
    body = urlencode({"payload": json.dumps(inbox.push())}).encode()
    form = {"content-type": "application/x-www-form-urlencoded"}
    delivery = inbox.take(inbox.incoming(body, **form)).delivery
    assert delivery.payload["event"]["kind"] == "push"


def test_a_body_that_is_too_long_to_be_read_leaves_its_headers_and_a_verdict(
    inbox: Inbox,
) -> None:
    huge = replace(inbox.incoming(b"", **{"x-github-delivery": "huge"}), body=None)
    with pytest.raises(TooLarge, match="25 MB"):
        inbox.take(huge)
    [kept] = inbox.all()
    assert (kept.verdict, kept.event) == (Verdict.REJECTED, "push")
    assert kept.payload == {"claimed_id": "huge"}


def test_about_another_repository_is_skipped(inbox: Inbox) -> None:
    payload = {**inbox.push(), "repository": {"id": 999, "full_name": "acme/other"}}
    delivery = inbox.deliver(payload).delivery
    assert delivery.verdict is Verdict.SKIPPED
    assert "acme/other" in (delivery.reason or "")


def test_gitlab_names_a_delivery_by_its_key_or_is_told_by_its_content() -> None:
    inbox = Inbox(provider=Provider.GITLAB)
    body = b'{"object_kind": "note"}'
    first = inbox.take(inbox.incoming(body, "Note Hook", **{"idempotency-key": "one"}))
    assert first.delivery.delivery_id == "one"
    assert inbox.take(inbox.incoming(body, "Note Hook", **{"idempotency-key": "one"})).duplicate
    old = [inbox.take(inbox.incoming(body, "Note Hook", **{"idempotency-key": ""})) for _ in "ab"]
    assert [receipt.duplicate for receipt in old] == [False, True]
    assert old[0].delivery.delivery_id.startswith("sha256-")


def test_what_a_provider_writes_never_breaks_the_database(inbox: Inbox) -> None:
    payload = inbox.push(message="nul \x00 and half a \ud83d pair", files=["\x00", "a\udc00"])
    delivery = inbox.deliver(payload).delivery
    assert delivery.payload["event"]["message"] == "nul \ufffd and half a ? pair"
    json.dumps(delivery.payload).encode()
