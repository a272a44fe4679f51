"""`c2d members`: who may sign in where the platform's own machine signs people in."""

from typing import Annotated, Any

import typer

from c2d.confirm import confirm_removal
from c2d.errors import ApiError, CliError, NotFound
from c2d.render import ago
from c2d.session import Json, Session, Yes, session

members_app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Who may sign in on the platform's machine."
)


@members_app.command("list")
def list_members(as_json: Json = False) -> None:
    """Members and their roles.

    Examples:
      $ c2d members list
    """
    with session(as_json) as s:
        members = _members(s)
        if as_json:
            s.screen.document({"items": members})
            return
        rows = [
            (
                each["email"],
                each["name"],
                each["role"],
                "joined" if each["joined"] else "invited",
                ago(each["created_at"]),
            )
            for each in members
        ]
        s.screen.table(("e-mail", "name", "role", "state", "since"), rows)


@members_app.command("add")
def add_member(
    email: Annotated[str, typer.Argument(help="The e-mail address to sign in with.")],
    role: Annotated[str, typer.Option(help="owner, admin, developer or viewer.")] = "developer",
    as_json: Json = False,
) -> None:
    """Invite somebody. The link goes to stdout: send it to them, it works once, for seven days.

    Examples:
      $ c2d members add bob@example.com
      $ c2d members add eve@example.com --role viewer
    """
    with session(as_json) as s:
        made = _asked(s, lambda: s.client.post("/members", {"email": email, "role": role}))
        if as_json:
            s.screen.document(made)
            return
        s.screen.say(f"{made['email']} is invited as {made['role']}. They set a password here:")
        s.screen.value(made["join_url"])


@members_app.command("remove")
def remove_member(
    email: Annotated[str, typer.Argument(help="The member's e-mail address.")],
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Take a member's access away, with their API tokens. What they deployed stays.

    Examples:
      $ c2d members remove bob@example.com
    """
    with session(as_json) as s:
        found = [each for each in _members(s) if each["email"] == email.strip().lower()]
        if not found:
            raise NotFound(f"there is no member {email}", "List them: c2d members list")
        confirm_removal(f"the member {email}", f"c2d members remove {email} --yes", yes=yes)
        answer = s.client.delete(f"/members/{found[0]['id']}")
        if as_json:
            s.screen.document(answer)
        else:
            s.screen.say(f"{email} can no longer sign in.")


def _members(s: Session) -> list[dict[str, Any]]:
    return list(_asked(s, lambda: list(s.client.pages("/members"))))


def _asked(s: Session, ask: Any) -> Any:
    try:
        return ask()
    except ApiError as error:
        if error.status == 404:
            raise CliError(
                f"{s.client.api_url} does not sign people in itself",
                "Add and remove them at its identity provider.",
            ) from error
        raise
