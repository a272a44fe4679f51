"""`c2d agents tokens`: what lets an agent in."""

from typing import Annotated, Any

import typer

from c2d.confirm import confirm_removal
from c2d.errors import Ambiguous, NotFound
from c2d.render import ago
from c2d.resolve import is_id
from c2d.session import Json, Session, Yes, session

tokens_app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Tokens that give an agent jobs of its roles, and nothing else.",
)


@tokens_app.command("list")
def list_tokens(
    everything: Annotated[
        bool, typer.Option("--all", help="Also those that were revoked.")
    ] = False,
    as_json: Json = False,
) -> None:
    """The registration tokens, newest first.

    Examples:
      $ c2d agents tokens list
    """
    with session(as_json) as s:
        tokens = [t for t in _tokens(s) if everything or not t["revoked_at"]]
        if as_json:
            s.screen.document({"items": tokens})
            return
        rows = [
            (
                each["name"],
                f"{each['hint']}…",
                " ".join(each["roles"]),
                " ".join(each["organizations"]) or "everybody",
                each["created_by"],
                ago(each["last_used_at"]) or "never",
                "revoked" if each["revoked_at"] else "",
                each["id"],
            )
            for each in tokens
        ]
        head = ("token", "begins", "roles", "works for", "made by", "used", "", "id")
        s.screen.table(head, rows)


@tokens_app.command("create")
def create_token(
    name: Annotated[str, typer.Argument(help="What it is for: a host, or a group of them.")],
    roles: Annotated[list[str], typer.Option("--role", help="build or edge; repeat it for both.")],
    organizations: Annotated[
        list[str] | None,
        typer.Option("--organization", help="Build only for this one (its id); repeat for more."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a registration token. Its text goes to stdout, now and never again.

    Examples:
      $ c2d agents tokens create builders --role build > token
      $ c2d agents tokens create acme --role build --organization 7b0e…
    """
    with session(as_json) as s:
        body = {"name": name, "roles": roles, "organizations": organizations or []}
        made = s.client.post("/agents/tokens", body)
        if as_json:
            s.screen.document(made)
            return
        s.screen.say(f"Agents with {made['name']} get {' and '.join(made['roles'])} jobs.")
        s.screen.value(made["token"])


@tokens_app.command("revoke")
def revoke_token(
    token: Annotated[str, typer.Argument(help="Its name, how it begins, or its id.")],
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Revoke a registration token: its agents get no further job.

    Jobs in their hands go on to their end.

    Examples:
      $ c2d agents tokens revoke builders
    """
    with session(as_json) as s:
        found = {"id": token, "name": token} if is_id(token) else _named(s, token)
        again = f"c2d agents tokens revoke {found['id']} --yes"
        confirm_removal(f"the registration token {found['name']}", again, yes=yes)
        answer = s.client.delete(f"/agents/tokens/{found['id']}")
        if as_json:
            s.screen.document(answer)
        else:
            s.screen.say(f"The registration token {found['name']} is revoked.")


def _tokens(s: Session) -> list[dict[str, Any]]:
    return list(s.client.get("/agents/tokens")["items"])


def _named(s: Session, text: str) -> dict[str, Any]:
    usable = [each for each in _tokens(s) if not each["revoked_at"]]
    found = [t for t in usable if t["name"] == text or text.startswith(t["hint"])]
    if not found:
        raise NotFound(
            f"there is no registration token {text[:12]!r}", "List them: c2d agents tokens list"
        )
    if len(found) > 1:
        ids = ", ".join(each["id"] for each in found)
        raise Ambiguous(f"more than one token is called {text!r}", f"Say which: {ids}")
    return found[0]
