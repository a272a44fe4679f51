"""A webhook is wanted while a service is built from its repository; the provider is told so."""

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.errors import Conflict, Invalid, NotFound, Transient
from shared.domain.git import GitHook, GitSource
from shared.domain.ids import now
from shared.domain.services import Service
from shared.usecases import deletion, services
from shared.usecases.hooks import OVERLAP, Registrar, rotate
from tests.fakes.git_provider import FakeProvider
from tests.usecases.test_connections import Accounts
from tests.usecases.world import DOMAIN, ORGANIZATION, OTHER, World

HOUR = timedelta(hours=1)


class Imports(Accounts):
    """Services that are built from repositories of a connected account."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.registrar = Registrar(self.access, "https://deploy.example")
        self.provider.add("acme/api", default_branch="trunk")

    def imported(self, name: str = "web", repository: str = "acme/web", **more: Any) -> Service:
        source = {"connection_id": self.connection.id, "repository": repository, **more}
        made = services.create_service(
            ORGANIZATION,
            self.world.project.id,
            name=name,
            settings={"source": source},
            domain=DOMAIN,
            uow=self.world.store,
            access=self.access,
        )
        self.registrar.settle_source(ORGANIZATION, made.id)
        return made

    def set(self, service: Service, source: dict[str, Any] | None) -> Service:
        changed = services.update_service(
            ORGANIZATION,
            service.id,
            settings={"source": source},
            uow=self.world.store,
            access=self.access,
        )
        self.registrar.settle_source(ORGANIZATION, service.id)
        return changed

    def source(self, service: Service) -> GitSource | None:
        with self.world.store as uow:
            return uow.sources.find(ORGANIZATION, service.id)

    @property
    def hooks(self) -> list[GitHook]:
        with self.world.store as uow:
            return list(uow.hooks.of_connection(ORGANIZATION, self.connection.id))

    @property
    def registered(self) -> list[str]:
        """The repositories that have our webhook, as the provider says."""
        return sorted(name for name, _, _ in self.provider.hooks.values())

    def tick(self, at: Any = None) -> int:
        return self.registrar.settle_due(at or now(), 10)


@pytest.fixture
def imports(world: World) -> Imports:
    return Imports(world)


def test_importing_a_repository_sets_its_url_and_branch_and_registers_the_webhook(
    imports: Imports,
) -> None:
    service = imports.imported(repository="acme/api")
    assert service.source
    assert service.source.repository_url == "https://git.example/acme/api.git"
    assert service.source.branch == "trunk"
    assert imports.registered == ["acme/api"]
    [hook] = imports.hooks
    [(_, url, secret)] = imports.provider.hooks.values()
    assert url == f"https://deploy.example/webhooks/github?hook={hook.id}"
    assert len(secret) == 64
    assert secret == imports.world.vault.open(hook.sealed_secret, str(hook.id))
    assert hook.provider_hook_id == hook.registered_id
    assert hook.settled


def test_a_provider_that_names_no_hook_sends_the_name_we_gave_it(imports: Imports) -> None:
    imports.provider.delivered_as = False
    imports.imported()
    [hook] = imports.hooks
    assert hook.provider_hook_id == str(hook.id)
    assert hook.provider_hook_id in hook.url


def test_two_services_of_one_repository_share_one_webhook(imports: Imports) -> None:
    first = imports.imported("web")
    second = imports.imported("docs", root_directory="docs")
    assert imports.registered == ["acme/web"]
    deletion.delete_service(ORGANIZATION, first.id, dry_run=False, uow=imports.world.store)
    imports.tick()
    assert imports.registered == ["acme/web"]
    deletion.delete_service(ORGANIZATION, second.id, dry_run=False, uow=imports.world.store)
    imports.tick()
    assert imports.registered == []
    assert imports.hooks == []


def test_a_deletion_waits_for_no_provider_and_the_webhook_goes_later(imports: Imports) -> None:
    service = imports.imported()
    imports.provider.error = Transient("down")
    deletion.delete_service(ORGANIZATION, service.id, dry_run=False, uow=imports.world.store)
    imports.tick()
    [hook] = imports.hooks
    assert hook.lost_reason == "down"
    assert hook.next_try_at
    imports.provider.error = None
    assert imports.tick(hook.next_try_at - timedelta(milliseconds=1)) == 0
    imports.tick(now() + HOUR)
    assert imports.registered == []
    assert imports.hooks == []


def test_a_webhook_that_cannot_be_made_now_is_made_later_and_says_why(imports: Imports) -> None:
    imports.provider.hooks.clear()
    imports.provider.repositories["acme/web"] = imports.repository
    real, imports.provider.register = imports.provider.register, _refuse  # type: ignore[method-assign]
    imports.imported()
    [hook] = imports.hooks
    assert (hook.registered_id, hook.lost_reason, hook.tries) == (None, "not now", 1)
    imports.provider.register = real  # type: ignore[method-assign]
    imports.tick(now() + HOUR)
    [hook] = imports.hooks
    assert hook.registered_id
    assert hook.lost_reason is None
    assert imports.tick(now() + HOUR) == 0


def _refuse(*_: Any, **__: Any) -> Any:
    raise Transient("not now")


def test_another_repository_moves_the_webhook(imports: Imports) -> None:
    service = imports.imported()
    changed = imports.set(
        service, {"connection_id": imports.connection.id, "repository": "acme/api"}
    )
    assert changed.source
    assert changed.source.branch == "trunk"
    imports.tick()
    assert imports.registered == ["acme/api"]


@pytest.mark.parametrize(
    "source",
    [
        None,
        {"repository_url": "https://elsewhere.example/x.git"},
        {"connection_id": None, "repository": None},
    ],
    ids=["no source", "another URL", "no connection"],
)
def test_leaving_the_connection_takes_the_webhook_away(
    imports: Imports, source: dict[str, Any] | None
) -> None:
    service = imports.imported()
    imports.set(service, source)
    assert imports.source(service) is None
    imports.tick()
    assert imports.registered == []


@pytest.mark.parametrize("fields", [{"branch": "dev"}, {"root_directory": "app"}])
def test_other_settings_of_the_source_leave_the_link_and_ask_nobody(
    imports: Imports, fields: dict[str, Any]
) -> None:
    service = imports.imported()
    before = imports.source(service)
    imports.provider.calls.clear()
    imports.set(service, fields)
    assert imports.source(service) == before
    assert imports.provider.calls == []


def test_sending_back_what_was_read_changes_nothing(imports: Imports) -> None:
    service = imports.imported()
    before = imports.source(service)
    assert service.source
    same = {
        "repository_url": service.source.repository_url,
        "connection_id": imports.connection.id,
        "repository": "acme/web",
        "branch": "main",
    }
    changed = imports.set(service, same)
    assert changed.source == service.source
    assert imports.source(service) == before


def test_half_a_link_is_refused(imports: Imports) -> None:
    for source in ({"repository": "acme/web"}, {"connection_id": imports.connection.id}):
        with pytest.raises(Invalid, match="needs both"):
            services.create_service(
                ORGANIZATION,
                imports.world.project.id,
                name="half",
                settings={"source": source},
                domain=DOMAIN,
                uow=imports.world.store,
                access=imports.access,
            )


def test_another_organisations_connection_cannot_be_used(world: World, imports: Imports) -> None:
    with pytest.raises(NotFound):
        services.create_service(
            OTHER,
            world.project.id,
            name="thief",
            settings={"source": {"connection_id": imports.connection.id, "repository": "acme/web"}},
            domain=DOMAIN,
            uow=world.store,
            access=imports.access,
        )


def test_a_new_secret_is_told_and_the_old_one_is_accepted_for_a_day(imports: Imports) -> None:
    imports.imported()
    [before] = imports.hooks
    after = rotate(ORGANIZATION, before.id, uow=imports.world.store, registrar=imports.registrar)
    [(_, _, told)] = imports.provider.hooks.values()
    assert told == imports.world.vault.open(after.sealed_secret, str(after.id))
    assert after.sealed_previous_secret == before.sealed_secret
    assert after.previous_until
    assert after.previous_until > now() + OVERLAP - timedelta(minutes=1)
    assert after.settled


def test_a_rotation_while_the_provider_is_down_ends_well_later(imports: Imports) -> None:
    imports.imported()
    [hook] = imports.hooks
    imports.provider.error = Transient("down")
    after = rotate(ORGANIZATION, hook.id, uow=imports.world.store, registrar=imports.registrar)
    assert not after.settled
    assert after.sealed_previous_secret == hook.sealed_secret
    with pytest.raises(Conflict):
        rotate(ORGANIZATION, hook.id, uow=imports.world.store, registrar=imports.registrar)
    imports.provider.error = None
    imports.tick(now() + HOUR)
    [hook] = imports.hooks
    assert hook.settled
    [(_, _, told)] = imports.provider.hooks.values()
    assert told == imports.world.vault.open(hook.sealed_secret, str(hook.id))


def test_a_webhook_somebody_removed_is_made_again_at_the_next_rotation(imports: Imports) -> None:
    imports.imported()
    [hook] = imports.hooks
    imports.provider.hooks.clear()
    after = rotate(ORGANIZATION, hook.id, uow=imports.world.store, registrar=imports.registrar)
    assert after.settled
    assert imports.registered == ["acme/web"]


def test_a_platform_that_moved_tells_the_providers_its_new_address(imports: Imports) -> None:
    imports.imported()
    moved = Registrar(imports.access, "https://new.example")
    moved.settle_due(now(), 10)
    [(_, url, _)] = imports.provider.hooks.values()
    assert url.startswith("https://new.example/webhooks/github")


def test_a_source_whose_webhook_was_just_removed_gets_one(imports: Imports) -> None:
    imports.imported()
    with imports.world.store as uow:
        [hook] = uow.hooks.of_connection(ORGANIZATION, imports.connection.id)
        uow.hooks.remove(ORGANIZATION, hook.id)
    imports.tick()
    imports.tick()
    [hook] = imports.hooks
    assert hook.settled


def test_a_fake_provider_is_a_provider() -> None:
    from shared.ports.git import GitProvider

    provider: GitProvider = FakeProvider()
    assert provider.base_url
