"""`c2d tokens`: API tokens for programs."""

from typing import Annotated, Any

import typer

from c2d.confirm import confirm_removal
from c2d.errors import Ambiguous, NotFound
from c2d.render import ago
from c2d.resolve import is_id
from c2d.session import Json, Session, Yes, session

SCOPES = ("read", "deploy", "write", "admin")

tokens_app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="API tokens for programs."
)


@tokens_app.command("list")
def list_tokens(
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that were revoked or have expired.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Your API tokens, newest first; administrators see everybody's.

    Examples:
      $ c2d tokens list
      $ c2d tokens list --all --json
    """
    with session(as_json) as s:
        tokens = [t for t in s.client.pages("/tokens") if everything or not t["revoked_at"]]
        if as_json:
            s.screen.document({"items": tokens})
            return
        rows = [
            (
                each["name"],
                f"{each['hint']}…",
                " ".join(each["scopes"]),
                each["created_by"],
                ago(each["last_used_at"]) or "never",
                "revoked" if each["revoked_at"] else (each["expires_at"] or "never")[:10],
                each["id"],
            )
            for each in tokens
        ]
        s.screen.table(("token", "begins", "scopes", "made by", "used", "ends", "id"), rows)


@tokens_app.command("create")
def create_token(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scopes: Annotated[
        list[str] | None,
        typer.Option("--scope", help="read, deploy, write or admin; repeat it for more."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="It ends after so many days.")] = 90,
    forever: Annotated[
        bool, typer.Option("--forever", help="It works until it is revoked.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make an API token. Its text goes to stdout, now and never again.

    Without --scope it may read and deploy, which is what a pipeline needs.

    Examples:
      $ c2d tokens create ci
      $ c2d tokens create backup --scope read --forever
      $ C2D_TOKEN=$(c2d tokens create ci --days 1) ./pipeline.sh
    """
    with session(as_json) as s:
        wanted = scopes or ["read", "deploy"]
        body = {"name": name, "scopes": wanted, "expires_in_days": None if forever else days}
        made = s.client.post("/tokens", body)
        if as_json:
            s.screen.document(made)
            return
        s.screen.say(f"Token {made['name']} may {', '.join(made['scopes'])}. Store it now:")
        s.screen.value(made["token"])


@tokens_app.command("revoke")
def revoke_token(
    token: Annotated[str, typer.Argument(help="Its name, how it begins, or its id.")],
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Revoke an API token: it is refused from now on.

    Examples:
      $ c2d tokens revoke ci
      $ c2d tokens revoke 3f0c9a52-8f0e-4b6e-9d51-0c3a0e6f2c11 --yes
    """
    with session(as_json) as s:
        found = {"id": token, "name": token} if is_id(token) else _named(s, token)
        confirm_removal(
            f"the token {found['name']}", f"c2d tokens revoke {found['id']} --yes", yes=yes
        )
        answer = s.client.delete(f"/tokens/{found['id']}")
        if as_json:
            s.screen.document(answer)
        else:
            s.screen.say(f"Token {found['name']} is revoked.")


def _named(s: Session, text: str) -> dict[str, Any]:
    usable = [each for each in s.client.pages("/tokens") if not each["revoked_at"]]
    found = [t for t in usable if t["name"] == text or text.startswith(t["hint"])]
    if not found:
        raise NotFound(f"there is no token {text[:12]!r}", "List them: c2d tokens list")
    if len(found) > 1:
        ids = ", ".join(each["id"] for each in found)
        raise Ambiguous(f"more than one token is called {text!r}", f"Say which: {ids}")
    return found[0]
