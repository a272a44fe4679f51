"""The examples are detected, built, started and rebuilt with Docker."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.domain.detection import BuildSettings
from tests.domain.detection.docker import Built, Project, docker, image_history, running

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("socket_enabled")]

Open = Callable[[str], Project]

CASES = {
    "flask": ("Flask", "pip install", ("version.txt", "1", "2")),
    "django": ("Django", "pip install", ("version.txt", "1", "2")),
    "fastapi": ("FastAPI", "pip install", ("version.txt", "1", "2")),
    "express": ("Express", "npm ci", ("version.txt", "1", "2")),
    "vite": ("Vite", "npm ci", (".env", "=1", "=2")),
    "go": ("Go", "groupadd", ("version.txt", "1", "2")),
    "static": ("Static site", "nginx-light", ("index.html", "static 1", "static 2")),
}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Open]:
    opened: list[Project] = []

    def open_one(name: str) -> Project:
        opened.append(Project(name, tmp_path))
        return opened[-1]

    yield open_one
    for each in opened:
        each.remove()


def shows(built: Built, text: str) -> None:
    """It answers with the text, as nobody privileged, and ends when it is asked to."""
    with running(built) as app:
        assert text in app.answer()
        assert app.uids() == {"10001"}
        code, seconds = app.stop()
    assert code != 137, "SIGTERM did not reach the app, so it was killed"
    assert seconds < 10


@pytest.mark.parametrize("name", CASES)
def test_an_example_goes_live_and_a_source_change_installs_nothing_again(
    name: str, project: Open
) -> None:
    label, install, (file, old, new) = CASES[name]
    source = project(name)

    first = source.build()

    assert first.plan.name == label
    word = label.lower() if label != "Static site" else "static"
    shows(first, f"{word} 1")

    source.change(file, old, new)
    second = source.build()

    assert second.cached(install), second.output
    shows(second, f"{word} 2")


def test_a_dockerfile_in_the_repository_is_built_as_it_is(project: Open) -> None:
    built = project("dockerfile").build(BuildSettings(dockerfile_target="production"))

    assert built.plan.port == 4000
    with running(built) as app:
        assert app.answer() == "dockerfile 1\n"
        assert app.uids() == {"1000"}


def test_an_app_may_write_into_its_own_folder(project: Open) -> None:
    built = project("flask").build()

    with running(built) as app:
        app.answer()
        docker("exec", app.name, "sh", "-c", "echo data > app.db && test -s /app/app.db")


def test_a_port_given_at_start_is_the_port_listened_on(project: Open) -> None:
    built = project("vite").build(BuildSettings(port=9000))

    assert built.plan.port == 9000
    with running(built) as app:
        assert "vite 1" in app.answer()


def test_a_single_page_app_answers_unknown_paths_but_not_unknown_assets(project: Open) -> None:
    with running(project("vite").build()) as app:
        page = app.answer()
        assert app.get("/deep/link")[:2] == (200, page)
        assert app.get("/assets/old-hash.js")[0] == 404
        script = page.split('src="')[1].split('"')[0]
        status, _, headers = app.get(script)
        assert (status, headers["content-type"]) == (200, "application/javascript; charset=utf-8")
        assert "immutable" in headers["cache-control"]


def test_a_static_site_has_its_own_page_for_what_is_not_there(project: Open) -> None:
    source = project("static")
    (source.source / ".env").write_text("SECRET=1")

    with running(source.build()) as app:
        app.answer()
        status, body, headers = app.get("/style.css")
        assert (status, headers["content-type"]) == (200, "text/css; charset=utf-8")
        status, body, _ = app.get("/missing")
        assert (status, "There is no such page" in body) == (404, True)
        assert app.get("/.env")[0] == 404


def test_build_variables_reach_the_build_but_no_layer_of_the_image(project: Open) -> None:
    source = project("vite")
    canary = "canary-7f3a"
    source.build(env=f"VITE_VERSION='before'\nTOKEN='{canary}'\n")

    built = source.build(env=f"VITE_VERSION='after'\nTOKEN='{canary}'\n")

    with running(built) as app:
        assert "vite after" in app.answer()
    assert canary not in image_history(built.image)
    assert canary not in built.output


def test_a_build_and_a_start_command_of_the_users_own_are_used(project: Open) -> None:
    settings = BuildSettings(
        build_command="echo built > made.txt\necho twice >> made.txt",
        start_command="cat made.txt && node server.js",
    )

    with running(project("express").build(settings)) as app:
        app.answer()
        assert docker("logs", app.name) == "built\ntwice"
