"""Where detection cannot go on it says what it looked for, what it saw and what to add."""

import pytest

from shared.domain.detection import BuildSettings, MappingTree, candidates, detect, inspect
from shared.domain.errors import NothingDetected
from tests.domain.detection.stacks import FASTAPI, FLASK, package


def refusal(files: dict[str, str], settings: BuildSettings | None = None) -> str:
    with pytest.raises(NothingDetected) as caught:
        detect(MappingTree(files), settings)
    return caught.value.reason


def test_an_empty_tree_is_called_empty() -> None:
    assert refusal({}).startswith("there are no files here")


def test_unknown_files_are_named_with_what_to_add() -> None:
    reason = refusal({"README.md": "", "notes/a.txt": ""})

    assert "looked for Dockerfile, package.json, requirements.txt" in reason
    assert "saw README.md, notes/" in reason
    assert "add a Dockerfile or one of these files" in reason


def test_many_files_are_counted_and_not_listed() -> None:
    assert "and 18 more" in refusal({f"{n:02}.txt": "" for n in range(30)})


def test_the_folders_of_a_monorepo_are_offered() -> None:
    files = {
        "README.md": "",
        "backend/requirements.txt": "flask",
        "backend/app.py": FLASK,
        "apps/web/package.json": package(
            scripts={"build": "vite build"}, devDependencies={"vite": "6"}
        ),
        "apps/library/package.json": package(main="index.js"),
        "infra/Dockerfile": "FROM x",
        "backend/templates/index.html": "",
        ".devcontainer/Dockerfile": "FROM x",
    }

    assert [(folder, plan.name) for folder, plan in candidates(MappingTree(files))] == [
        ("backend", "Flask"),
        ("infra", "Dockerfile"),
        ("apps/web", "Vite"),
    ]
    assert "backend (Flask), infra (Dockerfile), apps/web (Vite)" in refusal(files)


def test_an_unreadable_package_json_is_said() -> None:
    assert "package.json cannot be read as JSON" in refusal({"package.json": "{'x'"})


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"package.json": package(main="index.js"), "index.js": "exports.x = 1"}, "start script"),
        ({"requirements.txt": "requests"}, "Procfile with a line `web: …`"),
        ({"pyproject.toml": '[project]\nname = "x"\n', "x/__init__.py": ""}, "Python project"),
        ({"go.mod": "module x\n", "lib.go": "package lib\n"}, "this is a library"),
        (
            {
                "go.mod": "module example.com/x\n",
                "cmd/a/main.go": "package main\nfunc main() {}\n",
                "cmd/b/main.go": "package main\nfunc main() {}\n",
            },
            "several commands .cmd/a, cmd/b.",
        ),
        ({"Cargo.toml": '[package]\nname = "x"\n', "src/lib.rs": ""}, "this is a library"),
        ({"Gemfile": 'gem "rake"\n'}, "no config.ru"),
        ({"composer.json": "{}"}, "no index.php"),
        ({"manage.py": "# django"}, "no wsgi.py"),
        (
            {"package.json": package(dependencies={"@sveltejs/kit": "2"})},
            "install @sveltejs/adapter-node",
        ),
        (
            {
                "package.json": package(
                    scripts={"start": "node ."}, dependencies={"x": "workspace:*"}
                )
            },
            "set the root directory to the workspace's own folder",
        ),
        (
            {
                "a/a.csproj": '<Project Sdk="Microsoft.NET.Sdk.Web">',
                "b/b.csproj": '<Project Sdk="Microsoft.NET.Sdk.Web">',
                "x.sln": "",
            },
            "several programs .a/a.csproj, b/b.csproj.",
        ),
    ],
)
def test_a_project_without_a_start_is_recognised_and_told_what_is_missing(
    files: dict[str, str], words: str
) -> None:
    with pytest.raises(NothingDetected, match=words):
        detect(MappingTree(files))


def test_inspecting_shows_how_far_it_got() -> None:
    plan = inspect(MappingTree({"requirements.txt": "requests"}))

    assert (plan.language, plan.package_manager, plan.start_command) == ("Python", "pip", None)
    assert len(plan.missing) == 1


def test_a_start_command_is_all_that_a_library_lacks() -> None:
    files = {"requirements.txt": "requests", "tool/run_it.py": ""}

    plan = detect(MappingTree(files), BuildSettings(start_command="python tool/run_it.py"))

    assert plan.missing == ()
    assert "exec python tool/run_it.py" in (plan.dockerfile or "")


def test_several_go_commands_need_a_build_and_a_start_command() -> None:
    files = {
        "go.mod": "module example.com/x\n",
        "cmd/a/main.go": "package main\nfunc main() {}\n",
        "cmd/b/main.go": "package main\nfunc main() {}\n",
    }
    settings = BuildSettings(
        build_command="go build -o /usr/local/bin/service ./cmd/a",
        start_command="/usr/local/bin/service",
    )

    assert "./cmd/a" in (detect(MappingTree(files), settings).dockerfile or "")


def test_a_server_goes_before_the_project_that_builds_its_assets() -> None:
    assets = package(scripts={"build": "vite build"}, devDependencies={"vite": "6"})
    files = {"package.json": assets, "requirements.txt": "fastapi", "main.py": FASTAPI}

    plan = detect(MappingTree(files))

    assert plan.framework == "FastAPI"
    assert "build script that is not run" in plan.warnings[-1]


def test_a_tool_in_another_language_does_not_hide_the_app() -> None:
    files = {
        "requirements.txt": "mkdocs",
        "package.json": package(scripts={"start": "node server.js"}),
        "server.js": "",
    }

    assert detect(MappingTree(files)).language == "Node"
