"""Finding what never came: in the provider's list, on its branches; sent again, never twice."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.errors import AccessLost, NotFound, Transient
from shared.domain.git import ConnectionState, Provider
from shared.domain.webhooks import SWEPT, Verdict
from shared.ports.git import Commit, SeenDelivery
from shared.usecases.sweeping import EVERY, HELPLESS
from tests.consumers.inbox import Inbox
from tests.consumers.made import a_sha
from tests.fakes.store import FakeStore


@pytest.fixture
def swept(inbox: Inbox) -> Inbox:
    """With one push that came, deployed, and the sweep's turn."""
    inbox.web = inbox.service()  # type: ignore[attr-defined]
    inbox.decided(inbox.push("one"), **{"x-github-delivery": "came"})
    inbox.host.heads["main"] = Commit(a_sha("one"), "commit one", "Ada")
    inbox.host.sent.append(seen(inbox, "came", 0))
    inbox.later(minutes=60)
    return inbox


def seen(inbox: Inbox, name: str, minutes: float | None, event: str = "push") -> SeenDelivery:
    """`minutes` ago; None where the provider does not say."""
    at = None if minutes is None else inbox.at - timedelta(minutes=minutes)
    return SeenDelivery(name, event, at, str(1000 + len(inbox.host.sent)))


def test_nothing_is_missing(swept: Inbox) -> None:
    assert swept.sweep() == 0
    assert swept.host.again == []
    assert swept.host.calls == ["deliveries"]
    assert swept.sweep() == 0
    assert swept.host.calls == ["deliveries"], "not again before its turn"


def test_what_is_missing_is_sent_again(swept: Inbox) -> None:
    swept.host.sent.append(seen(swept, "lost", 2))
    assert swept.sweep() == 1
    assert swept.host.again == [swept.host.sent[1].handle]
    assert "commit" not in swept.host.calls
    swept.decided(swept.push("two", before="one"), **{"x-github-delivery": "lost"})
    swept.later(minutes=5)
    assert swept.sweep() == 0


def test_what_may_still_be_on_its_way_is_left_alone(swept: Inbox) -> None:
    swept.host.sent.append(seen(swept, "young", 0.5))
    assert swept.sweep() == 0
    assert swept.host.again == []


def test_one_that_cannot_reach_us_is_read_from_its_branch_once(swept: Inbox) -> None:
    swept.host.sent.append(seen(swept, "lost", 2))
    swept.host.heads["main"] = Commit(a_sha("two"), "commit two", "Bob")
    began = swept.at
    while not [d for d in swept.all() if d.event == SWEPT]:
        assert swept.sweep() == 1
        swept.later(minutes=5)
        assert swept.at - began < HELPLESS + timedelta(minutes=15)
    assert len(swept.host.again) >= 2, "it was sent again before"
    swept.consume()
    [made_up] = [d for d in swept.all() if d.event == SWEPT]
    assert made_up.verdict is Verdict.DEPLOYED
    newest = swept.deployments(swept.web)[-1]  # type: ignore[attr-defined]
    assert (newest.sha, newest.actor, newest.commit_message) == (a_sha("two"), "Bob", "commit two")
    for _ in range(3):
        swept.later(minutes=5)
        swept.sweep()
        swept.consume()
    assert len([d for d in swept.all() if d.event == SWEPT]) == 1


def test_the_delivery_that_comes_after_all_does_not_deploy_it_again(swept: Inbox) -> None:
    swept.host.sent.append(seen(swept, "lost", 15))
    swept.host.heads["main"] = Commit(a_sha("two"), "commit two", "Bob")
    swept.sweep()
    swept.consume()
    late = swept.decided(swept.push("two", before="one"), **{"x-github-delivery": "lost"})
    assert late.verdict is Verdict.SKIPPED
    assert "the sweep has deployed" in (late.reason or "")


def test_a_branch_that_is_where_it_was_deployed_last_is_left_alone(swept: Inbox) -> None:
    swept.host.sent.append(seen(swept, "lost", 15))
    swept.sweep()
    assert [d for d in swept.all() if d.event == SWEPT] == []


def test_a_made_up_push_follows_the_services_rules(swept: Inbox) -> None:
    swept.host.sent.append(seen(swept, "lost", 15))
    swept.host.heads["main"] = Commit(a_sha("two"), "docs [skip ci]", "Bob")
    swept.sweep()
    swept.consume()
    [made_up] = [d for d in swept.all() if d.event == SWEPT]
    assert made_up.verdict is Verdict.SKIPPED


def test_what_would_not_deploy_needs_no_branch(swept: Inbox) -> None:
    swept.host.sent.append(seen(swept, "lost", 15, "check_suite"))
    assert swept.sweep() == 1
    assert "commit" not in swept.host.calls


def test_a_server_without_a_list_is_asked_for_its_branches(
    swept: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(*_: object) -> list[SeenDelivery]:
        raise NotFound("no such endpoint")

    monkeypatch.setattr(type(swept.host), "deliveries", without)
    swept.host.heads["main"] = Commit(a_sha("two"), "commit two", "Bob")
    assert swept.sweep() == 1
    swept.consume()
    assert swept.deployments(swept.web)[-1].sha == a_sha("two")  # type: ignore[attr-defined]


def test_a_delivery_without_a_name_cannot_be_looked_up_so_the_branch_is(swept: Inbox) -> None:
    swept.host.sent.append(seen(swept, "", 2, "Push Hook"))
    swept.host.heads["main"] = Commit(a_sha("two"), "commit two", "Bob")
    swept.sweep()
    swept.consume()
    assert swept.deployments(swept.web)[-1].sha == a_sha("two")  # type: ignore[attr-defined]


def test_an_undated_one_is_sent_again_once_and_then_its_branch_is_read(swept: Inbox) -> None:
    swept.host.sent.append(seen(swept, "never answered", None, "Push Hook"))
    swept.sweep()
    assert swept.host.again == ["1001"]
    assert "commit" not in swept.host.calls
    swept.later(minutes=5)
    swept.host.heads["main"] = Commit(a_sha("two"), "commit two", "Bob")
    swept.sweep()
    assert swept.host.again == ["1001"]
    swept.consume()
    assert swept.deployments(swept.web)[-1].sha == a_sha("two")  # type: ignore[attr-defined]


def test_a_provider_that_is_away_is_asked_with_the_next_turn(swept: Inbox) -> None:
    swept.host.sent.append(seen(swept, "lost", 2))
    swept.host.error = Transient("down")
    assert swept.sweep() == 0
    swept.host.error = None
    assert swept.sweep() == 1


def test_lost_access_waits_for_its_turn(swept: Inbox) -> None:
    swept.host.sent.append(seen(swept, "lost", 2))
    swept.host.error = AccessLost("revoked")
    assert swept.sweep() == 0
    swept.host.error = None
    assert swept.sweep() == 0
    swept.later(seconds=EVERY.total_seconds())
    assert swept.sweep() == 1


def test_a_lost_connection_is_not_asked(swept: Inbox) -> None:
    assert isinstance(swept.store, FakeStore)
    with swept.store as uow:
        uow.connections.save(replace(swept.connection, state=ConnectionState.LOST))
    assert swept.sweep() == 0
    assert swept.host.calls == []


def test_services_of_one_branch_get_only_what_they_do_not_have(swept: Inbox) -> None:
    late = swept.service("late")
    swept.host.sent.append(seen(swept, "lost", 15))
    swept.sweep()
    swept.consume()
    assert [d.sha for d in swept.deployments(late)] == [a_sha("one")]
    assert len(swept.deployments(swept.web)) == 1  # type: ignore[attr-defined]


def test_gitlab_is_swept_the_same_way() -> None:
    inbox = Inbox(provider=Provider.GITLAB)
    web = inbox.service()
    inbox.later(minutes=30)
    inbox.host.sent.append(seen(inbox, "lost", 15, "Push Hook"))
    inbox.host.heads["main"] = Commit(a_sha("two"), "commit two", "Bob")
    inbox.sweep()
    inbox.consume()
    assert [d.sha for d in inbox.deployments(web)] == [a_sha("two")]
