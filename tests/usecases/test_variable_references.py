"""References between services: checked when written, followed when something starts."""

import pytest

from shared.domain.deployments import DeploymentState
from shared.domain.errors import BuildFailed, Conflict, InstanceFailed, Invalid
from shared.domain.variables import Availability
from shared.usecases import building, deletion, releasing, services
from shared.usecases.connections import Access
from shared.usecases.projects import create_project
from shared.usecases.services import create_service
from shared.usecases.variable_sets import Assignment
from tests.fakes.git_provider import FakeProvider
from tests.usecases.variables_of import VariablesOf
from tests.usecases.world import ADDRESSES, DOMAIN, ORGANIZATION, POLICY, World

PASSWORD = "canary-password-1"


@pytest.fixture
def db(world: World) -> VariablesOf:
    return VariablesOf(world, world.service("db", run={"port": 5432}))


@pytest.fixture
def web(world: World) -> VariablesOf:
    return VariablesOf(world, world.service("web"))


def test_references_are_followed_when_something_starts(web: VariablesOf, db: VariablesOf) -> None:
    db.set("USER", "app")
    db.set("PASSWORD", PASSWORD, sealed=True)
    db.set("URL", "postgres://${{USER}}:${{PASSWORD}}@${{db.HOST}}:${{db.PORT}}/app")
    web.set("DATABASE_URL", "${{db.URL}}?sslmode=disable")
    web.set("SITE", "${{web.URL}} $${{ kept }}")
    web.set("API_HOST", "${{db.HOST}}")
    got = web.resolved()
    whole = f"postgres://app:{PASSWORD}@db:5432/app"
    assert got.values == {
        "API_HOST": "db",
        "DATABASE_URL": f"{whole}?sslmode=disable",
        "SITE": "http://web-shop.localhost:7080 ${{ kept }}",
    }
    assert got.secret == {"DATABASE_URL"}
    assert got.masked == {PASSWORD, whole, f"{whole}?sslmode=disable"}
    assert web.shown()["DATABASE_URL"].value == "${{db.URL}}?sslmode=disable"
    assert web.shown()["DATABASE_URL"].references == ("db.URL",)


def test_a_release_freezes_references_and_not_what_they_lead_to(
    world: World, web: VariablesOf, db: VariablesOf
) -> None:
    db.set("COLOUR", "blue")
    web.set("COLOUR", "${{db.COLOUR}}")
    made = world.deploy(web.service)
    world.acquire(made)
    world.build(made)
    releasing.create_release(world.attempt(made), uow=world.store, images=world.compute)
    db.set("COLOUR", "red")
    web.set("COLOUR", "of the next release")
    world.start(made)
    [spec] = world.compute.running
    assert spec.env["COLOUR"] == "red"


def test_builds_and_runs_get_what_is_available_to_them_by_any_way(
    web: VariablesOf, db: VariablesOf
) -> None:
    db.set("ONLY_RUN", "r", available=Availability.RUN)
    web.set("AT_BUILD", "${{db.ONLY_RUN}}", available=Availability.BUILD)
    assert web.resolved(Availability.BUILD).values == {"AT_BUILD": "r"}
    assert web.resolved(Availability.RUN).values == {}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("${{cache.URL}}", "X refers to cache.URL, and this project has no service cache"),
        ("${{db.MISSING}}", "X refers to db.MISSING, and the service db has no variable MISSING"),
        ("${{MISSING}}", "X refers to web.MISSING, and the service web has no variable MISSING"),
        ("${{db}}", "the service web has no variable db"),
        ("${{not good}}", "X: a reference in the value names no variable"),
    ],
)
def test_a_reference_to_nothing_is_refused_when_it_is_written(
    web: VariablesOf, db: VariablesOf, value: str, said: str
) -> None:
    for write in (
        lambda: web.set("X", value),
        lambda: web.replace(Assignment("X", value)),
        lambda: web.replace(Assignment("X", value), dry_run=True),
    ):
        with pytest.raises(Invalid) as refused:
            write()
        assert said in refused.value.reason
    assert web.values() == {}


def test_another_project_is_out_of_reach(world: World, web: VariablesOf) -> None:
    other = create_project(ORGANIZATION, name="other", description="", uow=world.store)
    theirs = create_service(
        ORGANIZATION, other.id, name="api", settings={}, domain=DOMAIN, uow=world.store
    )
    VariablesOf(world, theirs).set("KEY", "x")
    with pytest.raises(Invalid, match="no service api"):
        web.set("X", "${{api.KEY}}")


def test_a_circle_is_refused_with_its_way(web: VariablesOf, db: VariablesOf) -> None:
    web.set("A", "1")
    db.set("B", "${{web.A}}")
    web.set("C", "${{db.B}}")
    with pytest.raises(Invalid) as refused:
        web.set("A", "x${{C}}")
    assert "web.A → web.C → db.B → web.A" in refused.value.reason
    with pytest.raises(Invalid, match=r"web\.A → web\.A"):
        web.set("A", "${{A}}")
    with pytest.raises(Invalid, match="circle"):
        web.replace(Assignment("A", "${{N}}"), Assignment("N", "${{A}}"))
    assert web.resolved().values == {"A": "1", "C": "1"}


def test_a_variable_may_carry_what_is_built_in_under_its_own_name(web: VariablesOf) -> None:
    web.set("HOST", "${{HOST}}.internal")
    web.set("OTHER", "${{web.HOST}}")
    assert web.resolved().values == {"HOST": "web.internal", "OTHER": "web.internal"}
    web.remove("HOST")
    assert web.resolved().values == {"OTHER": "web"}


def test_what_others_refer_to_is_not_removed_by_accident(web: VariablesOf, db: VariablesOf) -> None:
    db.set("URL", "x")
    db.set("KEY", "y")
    web.set("A", "${{db.KEY}}")
    db.set("B", "${{KEY}}")
    for remove in (
        lambda: db.remove("KEY"),
        lambda: db.replace(Assignment("URL", "x"), Assignment("B", None)),
        lambda: db.replace(Assignment("B", None), dry_run=True),
        lambda: db.restore(1),
    ):
        with pytest.raises(Conflict, match=r"KEY is used by .*web\.A"):
            remove()
    db.replace(Assignment("URL", "x"), Assignment("B", "now plain"), force=True)
    assert db.values() == {"B": "now plain", "URL": "x"}
    with pytest.raises(Invalid, match=r"web\.A refers to db\.KEY, which is not set any more"):
        web.resolved()
    web.set("UNRELATED", "1")


def test_a_service_others_refer_to_is_not_deleted_by_accident(
    world: World, web: VariablesOf, db: VariablesOf
) -> None:
    web.set("A", "${{db.HOST}}")
    with pytest.raises(Conflict, match=r"db is used by web\.A"):
        deletion.delete_service(ORGANIZATION, db.service.id, dry_run=True, uow=world.store)
    for _ in range(2):
        deletion.delete_service(
            ORGANIZATION, db.service.id, dry_run=False, force=True, uow=world.store
        )
    deletion.delete_service(ORGANIZATION, db.service.id, dry_run=False, uow=world.store)
    with pytest.raises(Invalid, match="no service db any more"):
        web.resolved()


def test_a_start_says_which_reference_leads_nowhere(
    world: World, web: VariablesOf, db: VariablesOf
) -> None:
    db.set("KEY", "x")
    web.set("A", "${{db.KEY}}")
    made = world.deploy(web.service)
    world.acquire(made)
    world.build(made)
    releasing.create_release(world.attempt(made), uow=world.store, images=world.compute)
    db.remove("KEY", force=True)
    with pytest.raises(InstanceFailed, match=r"web\.A refers to db\.KEY, which is not set"):
        world.start(made)
    again = world.deploy(web.service)
    world.fail(made, "InstanceFailed")
    world.acquire(again)
    with pytest.raises(BuildFailed, match=r"web\.A refers to db\.KEY, which is not set"):
        building.request_build(world.attempt(again), policy=POLICY, **world.line)
    assert world.get(again).state is DeploymentState.WAITING


def test_a_port_is_known_once_the_service_serves(world: World, web: VariablesOf) -> None:
    api = VariablesOf(world, world.service("api"))
    web.set("API", "http://${{api.HOST}}:${{api.PORT}}")
    with pytest.raises(Invalid, match="has been deployed once"):
        web.resolved()
    world.go_live(world.deploy(api.service))
    assert web.resolved().values == {"API": "http://api:8000"}


def test_references_cannot_blow_a_value_up(web: VariablesOf) -> None:
    web.set("V0", "x" * 1024)
    for number in range(1, 8):
        web.set(f"V{number}", f"${{{{V{number - 1}}}}}" * 8)
    with pytest.raises(Invalid, match="grows over 32 KiB"):
        web.resolved()


def test_a_build_agent_learns_the_secrets_inside_of_values(
    world: World, web: VariablesOf, db: VariablesOf
) -> None:
    db.set("PASSWORD", PASSWORD, secret=True)
    web.set("URL", "redis://:${{db.PASSWORD}}@cache")
    made = world.deploy(web.service)
    world.acquire(made)
    building.request_build(world.attempt(made), policy=POLICY, **world.line)
    claim = world.claim("build")
    given = building.build_secrets(
        claim.job.id,
        claim.token,
        policy=POLICY,
        uow=world.store,
        vault=world.vault,
        access=Access(world.store, world.vault, FakeProvider().of),
    )
    assert given["env"] == {"URL": {"value": f"redis://:{PASSWORD}@cache", "secret": True}}
    assert given["mask"] == [PASSWORD, f"redis://:{PASSWORD}@cache"]


def test_logs_hide_what_a_secret_of_another_service_was_and_is(
    world: World, web: VariablesOf, db: VariablesOf
) -> None:
    db.set("PASSWORD", "old-canary-value", secret=True)
    db.set("GONE", "gone-canary-value", secret=True)
    web.set("URL", "redis://:${{db.PASSWORD}}@cache")
    web.set("TWO", "${{db.GONE}}-${{URL}}")
    world.go_live(world.deploy(web.service))
    [serving] = world.instances(web.service).values()
    db.set("PASSWORD", "new-canary-value")
    world.compute.write(
        serving.provider_id, "auth old-canary-value, new-canary-value, redis://:old-canary-value@c"
    )
    [line] = services.runtime_logs(
        ORGANIZATION,
        web.service.id,
        tail=10,
        since=None,
        uow=world.store,
        compute=world.compute,
        vault=world.vault,
        addresses=ADDRESSES,
    )
    assert line.text == "auth ***, ***, redis://:***@c"
