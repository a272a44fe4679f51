"""Ways to change what a function meets: rows of its bench, acts at the provider."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg

from shared.domain.access import LOCAL_ORGANIZATION
from shared.domain.deployments import Deployment, DeploymentState
from shared.domain.ids import now
from shared.domain.leases import Waiter
from shared.domain.services import OverlapPolicy, Service, Source
from shared.usecases import building
from shared.usecases.answers import token_context
from tests.adapters.postgres import made
from tests.emulated.taken import call, instance
from tests.sam.bench import Bench
from tests.sam.rows import ID, REPOSITORY
from tests.sam.scenes import as_owner
from tests.usecases.world import POLICY

Event = dict[str, Any]


def rows(bench: Bench, statement: str) -> None:
    """Change the bench's database."""
    url = bench.environment["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
        connection.execute(statement.encode())


def service_of(bench: Bench) -> Service:
    with bench.scene.store as uow:
        found: Service = uow.services.get(LOCAL_ORGANIZATION, ID)
        return found


def overlapping(bench: Bench, policy: OverlapPolicy) -> None:
    with bench.scene.store as uow:
        service = uow.services.get(LOCAL_ORGANIZATION, ID)
        uow.services.save(replace(service, overlap=policy))


def connected(bench: Bench, **how: Any) -> None:
    """The service is built from the account's repository."""
    source = Source(f"{bench.provider.url}/{REPOSITORY}.git", branch="main", **how)
    with bench.scene.store as uow:
        uow.services.save(replace(uow.services.get(LOCAL_ORGANIZATION, ID), source=source))


def waits(bench: Bench, number: int) -> None:
    """One more deployment stands in the service's line."""
    service = service_of(bench)
    deployment = made.a_deployment(
        service,
        number=number,
        state=DeploymentState.WAITING,
        organization_id=LOCAL_ORGANIZATION,
    )
    sealed = bench.scene.vault.seal("a token", token_context(deployment.id))
    with bench.scene.store as uow:
        uow.deployments.add(deployment)
        uow.leases.enqueue(
            Waiter(
                LOCAL_ORGANIZATION, service.id, deployment.id, number, 1, sealed, created_at=now()
            )
        )


def another_building(bench: Bench) -> Deployment:
    """A deployment whose build is in the queue."""
    with as_owner():
        deployment: Deployment = bench.scene.deploy(service_of(bench))
    asked_to_build(bench, deployment)
    return deployment


def asked_to_build(bench: Bench, deployment: Deployment) -> None:
    """Its turn has come, and its build is in the queue."""
    with as_owner():
        bench.scene.acquire(deployment)
        attempt = bench.scene.attempt(deployment)
        building.request_build(attempt, policy=POLICY, **bench.scene.line)


def jobs_end(bench: Bench, state: str) -> None:
    output = json.dumps({"image": "sha256:one", "exit_code": 0})
    error = "NULL" if state == "succeeded" else "'BuildFailed'"
    rows(
        bench,
        f"UPDATE jobs SET state = '{state}', output = '{output}', error = {error},"
        " ended_at = now() - interval '1 hour' WHERE sealed_token IS NOT NULL",
    )


def sent_by_github(bench: Bench, act: Callable[[], object], kind: str) -> Event:
    """What the stand-in sends when somebody acts there: headers and body of its webhook."""
    bench.provider.dispatcher.dropping = True
    act()
    bench.provider.dispatcher.settle()
    [*_, sent] = [a for a in bench.provider.dispatcher.attempts if a.event == kind]
    headers = {name.lower(): value for name, value in sent.headers.items()}
    return {"headers": {**headers, "x-github-hook-id": "1"}, "body": sent.body.decode()}


def pushed(bench: Bench) -> Event:
    return sent_by_github(bench, lambda: bench.provider.push(REPOSITORY, {"new.txt": "1"}), "push")


def requested(bench: Bench) -> Event:
    """A request of a branch of the repository's own."""
    repository = bench.provider.repository(REPOSITORY)
    bench.provider.add_hook(repository, "http://api.example", "sample", {"pull_request"})

    def act() -> None:
        bench.provider.push(REPOSITORY, {"new.txt": "1"}, branch="feature")
        bench.provider.open_request(REPOSITORY, "feature")

    return sent_by_github(bench, act, "pull_request")


def delivered(bench: Bench, sent: Event, event: Event) -> Event:
    """The consumer's event about what the webhook's function has taken in."""
    with instance(bench.environment):
        answer = json.loads(call("webhooks.github", sent)["body"])
    assert answer["state"] == "waiting", answer
    [record] = event["Records"]
    ids = {"organization_id": str(LOCAL_ORGANIZATION), "delivery_id": answer["id"]}
    return {"Records": [{**record, "body": json.dumps({**json.loads(record["body"]), **ids})}]}
