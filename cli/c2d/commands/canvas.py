"""`c2d canvas`: where a project's services lie on the page's canvas."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from c2d.errors import CliError
from c2d.session import Json, session

canvas_app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Where a project's services lie."
)
Named = Annotated[
    str | None,
    typer.Argument(metavar="PROJECT", help="By name or id; without it the linked one."),
]


@canvas_app.command("show")
def show_canvas(project: Named = None, as_json: Json = False) -> None:
    """Print the canvas as JSON; keep it in a file, or bring it to another project.

    Examples:
      $ c2d canvas show demo > canvas.json
    """
    with session(as_json) as s:
        found = s.names.project(project)
        answer = s.client.get(f"/projects/{found['id']}/canvas")
        s.screen.document(answer if as_json else answer["document"])


@canvas_app.command("save")
def save_canvas(
    file: Annotated[str, typer.Argument(help="A file that `show` made; - is stdin.")],
    project: Named = None,
    as_json: Json = False,
) -> None:
    """Replace the canvas with the one in a file.

    Examples:
      $ c2d canvas save canvas.json demo
    """
    document = _document(file)
    with session(as_json) as s:
        found = s.names.project(project)
        answer = s.client.put(f"/projects/{found['id']}/canvas", {"document": document})
        if as_json:
            s.screen.document(answer)
        else:
            s.screen.say(f"Saved as version {answer['version']}.")


def _document(file: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        document = json.loads(text)
    except (OSError, ValueError) as error:
        raise CliError(f"{file} cannot be read as JSON: {error}") from error
    if not isinstance(document, dict):
        raise CliError(f"{file} holds no canvas", "Make one with: c2d canvas show")
    return document
