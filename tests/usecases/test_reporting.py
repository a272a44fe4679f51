"""What Git providers hear of deployments: everything, once, in order, and never in the way."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.domain.errors import Transient
from shared.domain.ids import now
from shared.ports.git import ReportState
from shared.usecases import reporting, rollbacks
from tests.usecases.git_world import ADDRESSES, SHA, Connected, later
from tests.usecases.world import ORGANIZATION

DAY = timedelta(days=1)


def test_a_push_is_reported_from_its_first_state_to_its_last(git: Connected) -> None:
    deployment = git.world.deploy(git.service(), sha=SHA)
    for state in ("waiting", "building", "releasing", "live"):
        assert git.send() == 1
        git.move(deployment, state)
    assert git.send() == 1
    assert git.send() == 0, "nothing is told twice"
    assert git.host.states == ["pending", "pending", "running", "running", "success"]
    [(name, first), *_, (_, last)] = git.host.told
    assert name == "acme/web"
    assert (first.sha, first.context, first.environment) == (
        SHA,
        "click-to-deploy/web",
        "shop/web",
    )
    assert (first.description, first.environment_url, first.deployment_ref) == (
        "Queued",
        None,
        None,
    )
    assert first.target_url is not None
    assert first.target_url.endswith(f"/deployments/{deployment.id}")
    assert first.target_url.startswith("https://deploy.example/")
    assert last.environment_url == "http://web-shop.localhost:7080"
    assert last.deployment_ref == "record-1"
    assert last.deployment == str(deployment.id)


def test_a_branch_is_reported_when_the_build_has_found_its_commit(git: Connected) -> None:
    deployment = git.world.deploy(git.service())
    git.world.acquire(deployment)
    assert git.report(deployment) is None
    git.world.build(deployment)
    assert git.send() == 1
    assert [(r.sha, r.state) for _, r in git.host.told] == [(SHA, ReportState.RUNNING)]


@pytest.mark.parametrize("how", [{"sha": "abc1234"}, {"image": "sha256:one"}])
def test_without_a_full_sha_there_is_no_commit_to_report_on(
    git: Connected, how: dict[str, str]
) -> None:
    assert git.report(git.world.deploy(git.service(), **how)) is None


def test_a_service_without_a_connected_repository_tells_nobody(git: Connected) -> None:
    assert git.report(git.world.deploy(git.world.service("api"), sha=SHA)) is None


@pytest.mark.parametrize(
    ("ends", "state", "said"),
    [
        ("failed", "failure", "Failed: npm ended with code 1."),
        ("cancelled", "cancelled", "Cancelled: npm ended with code 1."),
        ("superseded", "cancelled", "Superseded: npm ended with code 1."),
    ],
)
def test_an_end_is_reported_with_its_reason(
    git: Connected, ends: str, state: str, said: str
) -> None:
    deployment = git.world.deploy(git.service(), sha=SHA)
    git.move(deployment, ends, reason="npm ended\nwith code 1.")
    git.send()
    [(_, told)] = git.host.told
    assert (told.state, told.description) == (state, said)


def test_a_long_reason_is_cut(git: Connected) -> None:
    deployment = git.world.deploy(git.service(), sha=SHA)
    git.move(deployment, "failed", reason="x" * 500)
    git.send()
    assert len(git.host.told[0][1].description) == 140


def test_a_rollback_is_reported_on_the_commit_it_brings_back(git: Connected) -> None:
    service = git.service()
    first = git.world.deploy(service, sha=SHA)
    git.world.go_live(first)
    git.world.go_live(git.world.deploy(service), image="sha256:two")
    git.send()
    back = rollbacks.rollback(ORGANIZATION, service.id, first.id, actor="ada", **git.world.line)
    git.send()
    told = git.host.told[-1][1]
    assert (told.sha, told.state, told.deployment) == (SHA, "pending", str(back.id))


def test_a_state_that_changes_while_the_provider_is_told_is_told_next(git: Connected) -> None:
    deployment = git.world.deploy(git.service(), sha=SHA)
    git.host.before = lambda: _once(git, lambda: git.move(deployment, "failed"))
    assert git.send() == 2
    assert git.host.states == ["pending", "failure"]


def test_whoever_lost_the_claim_changes_nothing(git: Connected) -> None:
    """A teller that hung for longer than its claim: another one has told more by now."""
    deployment = git.world.deploy(git.service(), sha=SHA)
    hung = git.due(now())
    assert hung is not None
    telling = reporting._read(hung, uow=git.world.store, at=ADDRESSES)
    assert telling is not None
    git.move(deployment, "failed")
    second = git.due(now() + reporting.CLAIM)
    assert second is not None
    with later(reporting.CLAIM, reporting):
        reporting.send_report(second, uow=git.world.store, reach=git.host.reach, at=ADDRESSES)
    reporting._settle(telling, "record-of-the-hung", uow=git.world.store)
    reporting._try_later(telling, Transient("late"), uow=git.world.store)
    stored = git.report(deployment)
    assert stored is not None
    assert (stored.reported_state, stored.deployment_ref) == ("failed", "record-1")
    assert (stored.done, stored.tries) == (True, 0)


def test_an_older_deployment_of_the_same_commit_leaves_the_newer_ones_status(
    git: Connected,
) -> None:
    service = git.service()
    older = git.world.deploy(service, sha=SHA)
    newer = git.world.deploy(service, sha=SHA)
    git.move(older, "superseded")
    git.send()
    told = {r.deployment: r for _, r in git.host.told}
    assert told[str(older.id)].record_only
    assert not told[str(newer.id)].record_only


def test_a_newer_deployment_speaks_again_when_an_older_one_spoke_over_it(git: Connected) -> None:
    service = git.service()
    older = git.world.deploy(service, sha=SHA)
    newer = []

    def overtake() -> None:
        newer.append(git.world.deploy(service, sha=SHA))
        claimed = git.due(now())
        assert claimed is not None
        reporting.send_report(claimed, uow=git.world.store, reach=git.host.reach, at=ADDRESSES)

    git.host.before = lambda: _once(git, overtake)
    git.send()
    assert [r.deployment for _, r in git.host.told if not r.record_only] == [
        str(newer[0].id),
        str(older.id),
        str(newer[0].id),
    ]


def test_what_was_deleted_meanwhile_is_not_reported(git: Connected) -> None:
    service = git.service()
    git.world.deploy(service, sha=SHA)
    claimed = git.due(now())
    assert claimed is not None
    with git.world.store as uow:
        uow.services.remove(ORGANIZATION, service.id)
    told = reporting.send_report(claimed, uow=git.world.store, reach=git.host.reach, at=ADDRESSES)
    assert (told, git.host.told) == (False, [])


def test_a_deployment_can_be_told_about_at_once_and_once(git: Connected) -> None:
    deployment = git.world.deploy(git.service(), sha=SHA)

    def post() -> bool:
        return reporting.send_report_of(
            ORGANIZATION,
            deployment.id,
            uow=git.world.store,
            reach=git.host.reach,
            at=ADDRESSES,
        )

    assert [post(), post()] == [True, False]
    assert git.host.states == ["pending"]


def _once(git: Connected, act: Callable[[], None]) -> None:
    git.host.before = None
    act()
