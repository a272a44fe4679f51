"""The operation that migrates: on a real server, with migrations of releases that do not exist."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from infra.migrations import releases, run
from shared import VERSION, bootstrap
from shared.adapters.local_lambda import LocalContext
from shared.adapters.postgres.engine import make_engine
from shared.domain.errors import Conflict, Transient
from tests.databases import Cluster

pytestmark = pytest.mark.postgres
OURS = Path(run.__file__).parent
SCRIPT = """\
    \"\"\"{title}.\"\"\"

    from alembic import op

    revision = "{revision}"
    down_revision = {previous}
    branch_labels = None
    depends_on = None
    {oldest}

    def upgrade() -> None:
        op.execute("{statement}")


    def downgrade() -> None:
        raise NotImplementedError
"""

Invoke = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Four migrations: two add, the third takes away for 0.2.0, the fourth adds again."""
    folder = tmp_path_factory.mktemp("migrations")
    for name in ("alembic.ini", "env.py", "script.py.mako"):
        shutil.copy(OURS / name, folder)
    (folder / "versions").mkdir()
    statements = {
        "0001": ("Makes things", "CREATE TABLE things (a integer, b integer)", None),
        "0002": ("Adds c", "ALTER TABLE things ADD c integer", None),
        "0003": ("Takes a away", "ALTER TABLE things DROP a", "0.2.0"),
        "0004": ("Adds d", "ALTER TABLE things ADD d integer", None),
    }
    previous = None
    for revision, (title, statement, oldest) in statements.items():
        text = dedent(SCRIPT).format(
            title=title,
            revision=revision,
            previous=repr(previous),
            oldest=f'oldest_release = "{oldest}"' if oldest else "",
            statement=statement,
        )
        (folder / "versions" / f"{revision}.py").write_text(text)
        previous = revision
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(run, "FOLDER", folder)
        yield folder


@pytest.fixture
def url(postgres: Cluster) -> Iterator[str]:
    with postgres.empty_database() as made:
        yield made


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    made = make_engine(url)
    yield made
    made.dispose()


@pytest.fixture
def invoke(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """The function as Lambda calls it, in the code of some release."""
    module = import_module("functions.operations.migrate")
    monkeypatch.setattr(bootstrap, "engine", lambda: engine)

    def call(serving: str = VERSION, **given: Any) -> dict[str, Any]:
        monkeypatch.setattr(module, "VERSION", serving)
        answer: dict[str, Any] = module.handler(given, LocalContext("migrate"))
        return answer

    return call


def columns(url: str) -> set[str]:
    with psycopg.connect(url, connect_timeout=5) as connection:
        found = connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'things'"
        )
        return {row[0] for row in found}


def revisions(found: list[dict[str, Any]]) -> list[str]:
    return [each["revision"] for each in found]


def test_an_empty_database_gets_the_schema_of_this_checkout(invoke: Invoke) -> None:
    asked = invoke(dry_run=True)
    assert (asked["before"], asked["after"], asked["dry_run"]) == (None, None, True)
    done = invoke()
    assert done["before"] is None
    assert done["after"] == run.newest() == revisions(asked["applied"])[-1]
    assert done["serving"] == VERSION
    again = invoke()
    assert (again["before"], again["after"], again["applied"]) == (run.newest(),) * 2 + ([],)
    assert again["ready"]
    assert not again["ahead"]


@pytest.mark.usefixtures("scripts")
def test_what_takes_something_away_is_refused_while_an_older_release_serves(
    invoke: Invoke, url: str
) -> None:
    with pytest.raises(Conflict, match=r"0003 .*needs every function to run release 0\.2\.0"):
        invoke("0.1.9")
    assert columns(url) == set(), "nothing was applied, not even what could have been"
    invoke("0.2.0")
    assert columns(url) == {"b", "c", "d"}


@pytest.mark.usefixtures("scripts")
def test_before_a_release_only_what_the_old_one_bears_is_applied(invoke: Invoke, url: str) -> None:
    before = invoke("0.1.9", everything=False)
    assert (before["after"], revisions(before["held"])) == ("0002", ["0003", "0004"])
    assert columns(url) == {"a", "b", "c"}
    assert before["ready"] is False, "0004 adds what the new release needs: it cannot be deployed"
    after = invoke("0.2.0")
    assert (after["before"], after["after"]) == ("0002", "0004")
    assert after["ready"]


@pytest.mark.usefixtures("scripts")
def test_the_schema_says_to_older_releases_that_it_is_too_new_for_them(
    invoke: Invoke, scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert invoke("0.1.9", everything=False)["oldest_release"] is None
    invoke("0.10.0")
    older = tmp_path / "older"
    shutil.copytree(scripts, older)
    for revision in ("0003", "0004"):
        (older / "versions" / f"{revision}.py").unlink()
    monkeypatch.setattr(run, "FOLDER", older)
    seen = invoke("0.1.9")
    assert (seen["ahead"], seen["oldest_release"]) == (True, "0.2.0")
    assert (seen["before"], seen["after"], seen["applied"]) == ("0004", "0004", [])


@pytest.mark.usefixtures("scripts")
def test_a_migration_that_fails_leaves_nothing_behind(invoke: Invoke, url: str) -> None:
    invoke("0.1.9", everything=False)
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        connection.execute("CREATE VIEW uses_a AS SELECT a FROM things")
    with pytest.raises(Exception, match="uses_a"):
        invoke("0.2.0")
    assert columns(url) == {"a", "b", "c"}
    assert revisions(invoke("0.2.0", dry_run=True)["applied"]) == ["0003", "0004"]


@pytest.mark.usefixtures("scripts")
def test_calls_at_the_same_time_take_turns_and_one_of_them_migrates(engine: Engine) -> None:
    def call(_: int) -> releases.Report:
        return releases.migrate(engine, serving="0.2.0")

    with ThreadPoolExecutor(4) as threads:
        reports = list(threads.map(call, range(4)))
    assert sorted(len(report.applied) for report in reports) == [0, 0, 0, 4]
    assert {report.after for report in reports} == {"0004"}


@pytest.mark.usefixtures("scripts")
def test_who_does_not_get_a_turn_in_time_changes_nothing(
    invoke: Invoke, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releases, "TURN_SECONDS", 0.2)
    with psycopg.connect(url, connect_timeout=5) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [run.TURN])
        with pytest.raises(Transient, match="nothing was migrated: a lock was not to be had"):
            invoke("0.2.0")
    assert columns(url) == set()


@pytest.mark.parametrize(
    ("release", "than", "older"),
    [("0.1.0", "0.2.0", True), ("0.10.0", "0.9.9", False), ("1.0.0", "1.0.0", False)],
)
def test_releases_are_compared_as_numbers(release: str, than: str, older: bool) -> None:
    assert releases.is_older(release, than) is older
