"""An organisation with one of everything, stored as the platform would have stored it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from shared.domain.access import ApiToken, Scope, new_token_text, token_hash
from shared.domain.deployments import DeploymentState
from shared.domain.git import GitAuthorization, Provider
from shared.domain.ids import now
from shared.domain.jobs import Agent
from shared.domain.previews import PreviewState
from shared.domain.releases import InstanceRole, ReleaseState
from shared.domain.resources import ResourceState
from shared.domain.services import Source
from shared.domain.webhooks import Verdict
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork
from shared.usecases import variables
from shared.usecases.answers import token_context
from tests.adapters.postgres import made, made_git
from tests.api.operations import Operation

AGENT_TOKEN = "c2da_of_the_test"
SECRET = "s3cret-of-the-scene"
LIVE = DeploymentState.LIVE
DECIDED: dict[str, Any] = {
    "payload": {"event": {"kind": "other", "name": "push"}},
    "verdict": Verdict.SKIPPED,
    "decided_at": now(),
}
AWAITED: dict[str, Any] = {
    "state": PreviewState.AWAITING_APPROVAL,
    "from_fork": True,
    "sha": "0" * 40,
}


@dataclass
class Scene:
    """Ids by the names of path parameters; `special` holds those that one operation needs."""

    organization_id: UUID
    owner: str
    viewer: str
    ids: dict[str, object] = field(default_factory=dict)
    special: dict[str, dict[str, object]] = field(default_factory=dict)

    def url(self, operation: Operation, **other: object) -> str:
        ids: Mapping[str, object] = {**self.ids, **self.special.get(operation.id, {}), **other}
        missing = [name for name in operation.names("path") if name not in ids]
        assert not missing, f"{operation.id}: tests/api/scene.py makes no {', '.join(missing)}"
        return operation.url(ids)


def stored_token(uow: UnitOfWork, organization_id: UUID, scopes: set[Scope]) -> tuple[UUID, str]:
    text = new_token_text()
    token = ApiToken(
        id=uuid4(),
        organization_id=organization_id,
        name="+".join(sorted(scopes)),
        hint=text[:8],
        token_hash=token_hash(text),
        scopes=tuple(sorted(scopes)),
        user_id=f"user-of-{organization_id}",
        created_by="ada",
        created_at=now(),
        last_used_at=now(),
    )
    with uow:
        uow.tokens.add(token)
    return token.id, text


def scene(uow: UnitOfWork, vault: Vault) -> Scene:
    """A new organisation; nothing of it has to be emptied afterwards."""
    organization = uuid4()
    _, owner = stored_token(uow, organization, set(Scope))
    _, viewer = stored_token(uow, organization, {Scope.READ})
    spare, _ = stored_token(uow, organization, {Scope.READ})
    made_scene = Scene(organization, owner, viewer)
    made_scene.ids["token_id"] = spare
    _delivery(made_scene, uow, vault)
    _catalogue(made_scene, uow, vault)
    _git(made_scene, uow, vault)
    _agents(made_scene, uow)
    return made_scene


def _delivery(to: Scene, uow: UnitOfWork, vault: Vault) -> None:
    """A service that serves its second release; a deployment in each state that matters."""
    # host names and slots are the whole platform's: each organisation has its own
    slug = f"shop-{to.organization_id.hex[:8]}"
    project = made.a_project(slug=slug, organization_id=to.organization_id)
    with uow:
        uow.projects.add(project)
        service = uow.services.add(made.a_service(project, name="Site", slug="site"))
        first, second = (made.a_deployment(service, number=n, state=LIVE) for n in (1, 2))
        failed = made.a_deployment(service, number=3, state=DeploymentState.FAILED)
        queued = made.a_deployment(service, number=4)
        for deployment in (first, second, failed, queued):
            uow.deployments.add(deployment)
        old = made.a_release(first, number=1, state=ReleaseState.RETIRED)
        new = made.a_release(second, number=2, state=ReleaseState.LIVE)
        for release in (old, new):
            uow.releases.add(release)
        uow.services.save(replace(service, next_number=5, live_release_id=new.id))
        uow.instances.add(made.an_instance(new, service, role=InstanceRole.SERVING))
        stuck = made.a_resource(
            organization_id=to.organization_id,
            service_id=service.id,
            state=ResourceState.NEEDS_ATTENTION,
        )
        uow.resources.plan(stuck)
        token = vault.seal("task-token", token_context(queued.id))
        job = made.a_job(queued, sealed_token=token)
        uow.jobs.add(job)
    to.ids |= {
        "project_id": project.id,
        "service_id": service.id,
        "deployment_id": queued.id,
        "resource_id": stuck.id,
        "job_id": job.id,
    }
    to.special |= {
        "deployments.retry": {"deployment_id": failed.id},
        "rollback.create": {"deployment_id": first.id},
    }


def _catalogue(to: Scene, uow: UnitOfWork, vault: Vault) -> None:
    """Variables in two versions."""
    service_id = to.ids["service_id"]
    assert isinstance(service_id, UUID)
    for key, value in (("SECRET", SECRET), ("KEY", "value")):
        variables.create(
            to.organization_id,
            service_id,
            variables.Assignment(key, value),
            actor="ada",
            uow=uow,
            vault=vault,
        )
    to.ids |= {"key": "KEY", "number": 1}


def _git(to: Scene, uow: UnitOfWork, vault: Vault) -> None:
    connection = made_git.a_connection(organization_id=to.organization_id)
    sealed = vault.seal("gho_token", str(connection.id))
    with uow:
        uow.connections.add(replace(connection, sealed_access_token=sealed))
        unused = made_git.a_connection(organization_id=to.organization_id, account_id="43")
        uow.connections.add(unused)
        hook = made_git.a_hook(connection)
        uow.hooks.add(hook)
        delivery = made_git.a_delivery(hook, **DECIDED)
        uow.deliveries.record(delivery)
        project = uow.projects.get(to.organization_id, _uuid(to.ids["project_id"]))
        source = Source("https://github.com/acme/web.git", branch="main", previews=True)
        connected = made.a_service(project, name="Connected", slug="connected", source=source)
        service = uow.services.add(connected)
        uow.sources.put(made_git.a_source(service, connection))
        preview = made_git.a_preview(service, connection, **AWAITED)
        uow.previews.add(preview)
        begun = _begun(to)
        uow.authorizations.add(begun)
    to.special["git.disconnect"] = {"connection_id": unused.id}
    to.ids |= {
        "authorization_id": begun.id,
        "connection_id": connection.id,
        "hook_id": hook.id,
        "delivery_id": delivery.id,
        "preview_id": preview.id,
        "provider": "github",
        "owner": "acme",
        "repo": "web",
    }


def _agents(to: Scene, uow: UnitOfWork) -> None:
    """A registration token and an agent; those of earlier scenes are out of use."""
    token = made.a_registration(name=f"hosts of {to.organization_id}")
    agent = Agent(f"host-{token.id.hex[:8]}", ("build",), "1", 2, now(), token_id=token.id)
    with uow:
        for old in uow.registrations.list():
            uow.registrations.save(old.revoked(now()))
        uow.registrations.add(token)
        uow.agents.seen(agent)
    to.ids["name"] = agent.name
    to.special["agents.revoke_token"] = {"token_id": token.id}


def _begun(to: Scene) -> GitAuthorization:
    """An account that is being connected."""
    return GitAuthorization(
        id=uuid4(),
        organization_id=to.organization_id,
        provider=Provider.GITHUB,
        base_url="https://github.com",
        state_hash=uuid4().hex,
        sealed_verifier="sealed",
        user_id="ada",
        user_name="Ada",
        created_at=now(),
        expires_at=now() + timedelta(minutes=10),
    )


def _uuid(value: object) -> UUID:
    assert isinstance(value, UUID)
    return value


def bodies_with(document: dict[str, Any], field_: str, value: object) -> dict[str, Any]:
    """`document` with one field, or one inside a group (`a.b`), set."""
    head, _, rest = field_.partition(".")
    inner = document.get(head) or {}
    return {**document, head: bodies_with(dict(inner), rest, value) if rest else value}
