"""The application object is found by reading Python, not by running it."""

import pytest

from shared.domain.detection import MappingTree, detect


def start(files: dict[str, str]) -> str | None:
    return detect(MappingTree({"requirements.txt": "gunicorn\nuvicorn\n"} | files)).start_command


GUNICORN = "--bind 0.0.0.0:$PORT --threads 8"


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("import flask\nserver = flask.Flask('x')\n", "main:server"),
        ("from flask import Flask as F\napp: F = F('x')\n", "main:app"),
        ("from flask import *\napplication = Flask('x')\n", "main:application"),
        (
            "try:\n    from flask import Flask\n    app = Flask('x')\nexcept E:\n    raise\n",
            "main:app",
        ),
        ("from flask import Flask\nother = Flask('x')\napp = Flask('y')\n", "main:app"),
    ],
)
def test_flask_objects_are_found_however_they_are_imported(source: str, target: str) -> None:
    assert start({"main.py": source}) == f"gunicorn {target} {GUNICORN}"


def test_a_class_of_the_same_name_from_elsewhere_is_no_app() -> None:
    assert start({"main.py": "from mylib import Flask\napp = Flask()\n"}) == "python main.py"


def test_an_app_made_under_the_main_guard_is_run_as_a_script() -> None:
    source = "from flask import Flask\nif __name__ == '__main__':\n    app = Flask('x')\n"

    assert start({"app.py": source}) == "python app.py"


def test_a_factory_without_required_arguments_is_called() -> None:
    factory = "from fastapi import FastAPI\ndef create_app(*, debug=False):\n    return FastAPI()\n"

    assert start({"shop/__init__.py": "", "shop/web.py": factory}) == (
        "uvicorn shop.web:create_app --host 0.0.0.0 --port $PORT --factory"
    )


def test_a_module_that_calls_the_factory_goes_before_the_factory() -> None:
    files = {
        "wsgi.py": "from shop import create_app\napp = create_app('production')\n",
        "shop/__init__.py": "from flask import Flask\ndef create_app(kind):\n    x = Flask('x')\n"
        "    return x\ndef make_app():\n    return Flask('y')\n",
    }

    with_required = start(files)
    files["shop/__init__.py"] = files["shop/__init__.py"].replace("(kind)", "(kind=None)")

    assert with_required == f"gunicorn 'shop:make_app()' {GUNICORN}"
    assert start(files) == f"gunicorn wsgi:app {GUNICORN}"


def test_tests_examples_and_templates_are_not_the_app() -> None:
    app = "from flask import Flask\napp = Flask('x')\n"
    files = {f"{folder}/app.py": app for folder in ("tests", "examples", "project_template")}

    assert start(files | {"pkg/__init__.py": "", "pkg/core.py": app}) == (
        f"gunicorn pkg.core:app {GUNICORN}"
    )


def test_a_file_with_python_2_syntax_is_passed_over() -> None:
    files = {
        "app.py": "print 'Flask('\n",
        "web/__init__.py": "import flask\na = flask.Flask('x')\n",
    }

    assert start(files) == f"gunicorn web:a {GUNICORN}"


def test_a_dash_server_object_is_served() -> None:
    source = "from dash import Dash\napp = Dash('x')\nserver = app.server\n"

    assert start({"app.py": source}) == f"gunicorn app:server {GUNICORN}"


def test_a_port_in_the_source_is_the_port() -> None:
    fixed = detect(MappingTree({"main.py": "run(port=9001)\n"}))
    asked = detect(MappingTree({"main.py": "run(port=os.environ.get('PORT', 9001))\n"}))

    assert (fixed.port, asked.port) == (9001, 8000)


def test_a_server_with_hashed_requirements_is_installed_apart() -> None:
    files = {
        "requirements.txt": "flask==3.0 --hash=sha256:00\n",
        "app.py": "from flask import Flask\napp = Flask('x')\n",
    }

    text = detect(MappingTree(files)).dockerfile or ""

    assert "pip install -r requirements.txt\n" in text
    assert "pip install gunicorn\n" in text


def test_a_warning_in_somebodys_source_is_not_ours() -> None:
    source = "from flask import Flask\nx = '\\d'\napp = Flask('x')\n"

    assert start({"app.py": source}) == f"gunicorn app:app {GUNICORN}"
