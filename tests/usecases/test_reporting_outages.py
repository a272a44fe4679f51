"""Providers that are down, slow or closed: reports wait, and nothing waits for them."""

from datetime import timedelta

import pytest

from shared.domain.deployments import DeploymentState
from shared.domain.errors import AccessLost, Invalid, NotFound, PlatformError, Transient
from shared.domain.git import ConnectionState
from shared.domain.ids import now
from shared.usecases import reporting
from shared.usecases.deployments import retry
from tests.usecases.git_world import ADDRESSES, SHA, Connected, later
from tests.usecases.world import ORGANIZATION

DAY = timedelta(days=1)


def test_a_provider_that_is_down_delays_and_what_happened_meanwhile_is_told_as_one(
    git: Connected,
) -> None:
    deployment = git.world.deploy(git.service(), sha=SHA)
    git.host.error = Transient("GitHub answered 503")
    assert git.send() == 0
    stored = git.report(deployment)
    assert stored is not None
    assert (stored.tries, stored.error) == (1, "GitHub answered 503")
    git.move(deployment, "waiting", "building", "failed")
    assert git.send() == 0, "it is not asked again at once"
    git.host.error = None
    with later(timedelta(minutes=1), reporting):
        claimed = git.due(now() + timedelta(minutes=1))
        assert claimed is not None
        reporting.send_report(claimed, uow=git.world.store, reach=git.host.reach, at=ADDRESSES)
    assert git.host.states == ["failure"]
    stored = git.report(deployment)
    assert stored is not None
    assert (stored.tries, stored.error, stored.done) == (0, None, True)


def test_pauses_grow_up_to_an_hour_and_end_after_a_day(git: Connected) -> None:
    deployment = git.world.deploy(git.service(), sha=SHA)
    git.host.error = Transient("down")
    began = at = now()
    pauses = []
    while at - began < 2 * DAY:
        claimed = git.due(at)
        if claimed is None:
            break
        with later(at - now(), reporting):
            reporting.send_report(claimed, uow=git.world.store, reach=git.host.reach, at=ADDRESSES)
        stored = git.report(deployment)
        assert stored is not None
        pauses.append((stored.next_try_at - at).total_seconds())
        at = stored.next_try_at
    assert pauses[0] <= 2.1
    assert all(pause <= 3601 for pause in pauses)
    assert max(pauses) > 1500
    assert DAY < at - began < DAY + timedelta(hours=2)
    assert stored.done
    assert stored.error == "given up after a day: down"


def test_the_provider_says_when_to_come_back(git: Connected) -> None:
    deployment = git.world.deploy(git.service(), sha=SHA)
    git.host.error = Transient("slow down", retry_after=120)
    git.send()
    stored = git.report(deployment)
    assert stored is not None
    assert stored.next_try_at - now() > timedelta(seconds=110)


def test_others_of_a_silent_connection_wait_and_other_connections_do_not(git: Connected) -> None:
    other = git.connect("43")
    first, second = git.service("web"), git.service("api")
    elsewhere = git.world.service("elsewhere")
    git.link(elsewhere, other)
    for service in (first, second, elsewhere):
        git.world.deploy(service, sha=SHA)

    def down_for(connection_id: object) -> None:
        git.host.error = Transient("down") if connection_id == git.connection.id else None

    asked = []
    while claimed := git.due(now()):
        asked.append(claimed.connection_id)
        down_for(claimed.connection_id)
        reporting.send_report(claimed, uow=git.world.store, reach=git.host.reach, at=ADDRESSES)
    assert asked == [git.connection.id, other.id], "the second of the silent one is not tried"
    assert [r.context for _, r in git.host.told] == ["click-to-deploy/elsewhere"]


@pytest.mark.parametrize("closed", [True, False], ids=["the account", "this repository"])
def test_lost_access_is_shown_where_people_look_and_not_tried_again(
    git: Connected, closed: bool
) -> None:
    service = git.service()
    deployment = git.world.deploy(service, sha=SHA)
    git.host.error, git.host.closed = AccessLost("GitHub refuses the connection's access"), closed
    git.send()
    stored = git.report(deployment)
    assert stored is not None
    assert (stored.done, stored.error) == (True, "GitHub refuses the connection's access")
    assert git.source(service).lost_reason == "GitHub refuses the connection's access"
    connection = git.get_connection()
    assert connection.state is (ConnectionState.LOST if closed else ConnectionState.ACTIVE)
    assert (connection.reason is not None) == closed
    git.move(deployment, "waiting")
    assert git.due(now() + DAY) is None


def test_a_commit_that_is_not_there_any_more_is_given_up_alone(git: Connected) -> None:
    service = git.service()
    deployment = git.world.deploy(service, sha=SHA)
    git.host.error = NotFound("GitHub does not have that")
    git.send()
    stored = git.report(deployment)
    assert stored is not None
    assert stored.done
    assert git.source(service).lost_reason is None


@pytest.mark.parametrize("error", [Invalid("no"), Transient("down")])
def test_no_error_of_a_provider_touches_the_deployment(
    git: Connected, error: PlatformError
) -> None:
    deployment = git.world.deploy(git.service(), sha=SHA)
    git.host.error = error
    git.world.go_live(deployment)
    git.send()
    assert git.world.get(deployment).state is DeploymentState.LIVE


def test_a_retried_deployment_is_reported_again_also_after_giving_up(git: Connected) -> None:
    deployment = git.world.deploy(git.service(), sha=SHA)
    git.host.error = NotFound("gone")
    git.send()
    git.move(deployment, "failed")
    git.host.error = None
    retry(ORGANIZATION, deployment.id, uow=git.world.store, workflows=git.world.workflows)
    assert git.send() == 1
    assert git.host.states == ["pending"]
