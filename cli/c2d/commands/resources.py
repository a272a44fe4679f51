"""`c2d resources`: what the platform made outside itself, and what it could not remove."""

from typing import Annotated

import typer

from c2d.render import ago
from c2d.session import Json, session

STATES = ("needs_attention", "planned", "created")
"""What is there; what was removed is history."""

resources_app = typer.Typer(add_completion=False, invoke_without_command=True)


@resources_app.callback(invoke_without_command=True)
def list_resources(
    ctx: typer.Context,
    needs_attention: Annotated[
        bool, typer.Option("--needs-attention", help="Only what a person must look at.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Containers, networks, images and routes, each with its provider's id.

    Examples:
      $ c2d resources
      $ c2d resources --needs-attention
      $ c2d resources retry 3f0c9a52-8f0e-4b6e-9d51-0c3a0e6f2c11
    """
    if ctx.invoked_subcommand is not None:
        return
    with session(as_json) as s:
        states = ("needs_attention",) if needs_attention else STATES
        items = [each for state in states for each in s.client.pages("/resources", state=state)]
        if as_json:
            s.screen.document({"items": items})
            return
        rows = [
            (
                each["id"],
                each["kind"],
                each["state"],
                each["provider_id"],
                ago(each["updated_at"]),
                each["reason"],
            )
            for each in items
        ]
        if rows:
            s.screen.table(("id", "kind", "state", "provider id", "changed", "reason"), rows)
        else:
            s.screen.say(
                "Nothing needs attention."
                if needs_attention
                else "The platform has made nothing outside itself yet."
            )


@resources_app.command("retry")
def retry_resource(
    resource: Annotated[str, typer.Argument(help="The id, as the list shows it.")],
    as_json: Json = False,
) -> None:
    """Try again to remove what could not be removed.

    Examples:
      $ c2d resources retry 3f0c9a52-8f0e-4b6e-9d51-0c3a0e6f2c11
    """
    with session(as_json) as s:
        answer = s.client.post(f"/resources/{resource}/retry")
        if as_json:
            s.screen.document(answer)
        else:
            s.screen.say("Trying again; look in a moment: c2d resources --needs-attention")
