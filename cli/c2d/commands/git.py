"""`c2d git`: connected accounts at GitHub and GitLab, and what is in them."""

import webbrowser
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from c2d.commands.browse import has_screen
from c2d.commands.git_repositories import detect, list_branches, list_repos, show_tree
from c2d.confirm import can_ask, confirm_removal
from c2d.git_accounts import ConnectionOption, find
from c2d.loopback import Listener
from c2d.render import ago
from c2d.session import Json, Session, Yes, session

SECONDS: Final = 600.0
"""How long the platform waits for the browser to come back."""

git_app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Accounts at GitHub and GitLab."
)


git_app.command("repos")(list_repos)
git_app.command("branches")(list_branches)
git_app.command("tree")(show_tree)
git_app.command("detect")(detect)


class Provider(StrEnum):
    GITHUB = "github"
    GITLAB = "gitlab"


@git_app.command("connect")
def connect(
    provider: Annotated[Provider, typer.Argument(help="Where the account is.")],
    type_code: Annotated[
        bool, typer.Option("--type-code", help="The browser is on another machine.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Connect an account: agree in the browser, and this command completes it.

    Examples:
      $ c2d git connect github
      $ c2d git connect gitlab --type-code      the browser shows a code to type here
    """
    with session(as_json) as s:
        typed = type_code or (can_ask() and not has_screen())
        made = _with_typed_code(s, provider) if typed else _with_listener(s, provider)
        if as_json:
            s.screen.document(made)
            return
        s.screen.say(f"{made['account_name']} at {made['base_url']} is connected.")
        s.screen.say("Next: c2d git repos", "dim")
        s.screen.value(made["id"])


def _with_typed_code(s: Session, provider: Provider) -> Any:
    begun = s.client.get(f"/git/connect/{provider}", terminal=True)
    s.screen.say(f"Open {begun['url']}")
    code = typer.prompt("The code that the browser shows", err=True)
    return _confirmed(s, provider, begun, code)


def _with_listener(s: Session, provider: Provider) -> Any:
    listener = Listener()
    try:
        query = {"terminal": True, "port": listener.port}
        begun = s.client.get(f"/git/connect/{provider}", **query)
        s.screen.say(f"Open {begun['url']}")
        if has_screen() and begun["url"].startswith(("http://", "https://")):
            webbrowser.open(begun["url"])
        return _confirmed(s, provider, begun, listener.wait(SECONDS))
    finally:
        listener.close()


def _confirmed(s: Session, provider: Provider, begun: Any, code: str) -> Any:
    return s.client.post(f"/git/connect/{provider}/{begun['id']}/confirm", {"code": code})


@git_app.command("connections")
def list_connections(as_json: Json = False) -> None:
    """The connected accounts, and whether their access is lost.

    Examples:
      $ c2d git connections
    """
    with session(as_json) as s:
        items = list(s.client.pages("/git/connections"))
        if as_json:
            s.screen.document({"items": items})
            return
        columns = ("account", "at", "state", "checked", "connected by", "id", "reason")
        rows = [
            (
                f"{each['provider']}/{each['account_name']}",
                each["base_url"],
                each["state"],
                ago(each["checked_at"]),
                each["connected_by"],
                each["id"],
                each["reason"],
            )
            for each in items
        ]
        if rows:
            s.screen.table(columns, rows)
        else:
            s.screen.say("No account is connected yet: c2d git connect github")


@git_app.command("disconnect")
def disconnect(
    connection: Annotated[str, typer.Argument(metavar="ACCOUNT", help="By name or id.")],
    force: Annotated[bool, typer.Option("--force", help="Also when services use it.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Only say what would go.")] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Remove our webhooks there, give the token back and forget the account.

    Services keep their repository's address; no push deploys them any more.

    Examples:
      $ c2d git disconnect octocat --dry-run
      $ c2d git disconnect github/octocat --force --yes
    """
    with session(as_json) as s:
        found = find(s, connection)
        path, name = f"/git/connections/{found['id']}", found["account_name"]
        if not dry_run:
            confirm_removal(f"the connection to {name}", _again(name, force), yes=yes)
        gone = s.client.delete(path, dry_run=dry_run, force=force)
        if as_json:
            s.screen.document(gone)
            return
        verb = "would go" if dry_run else "is gone"
        for each in gone["will_remove"]:
            s.screen.say(f"{each['kind']} on {each['name']} {verb}")
        for each in gone["will_keep"]:
            s.screen.say(f"service {each['name']}: no push deploys it then")
        for failure in gone["failures"]:
            s.screen.say(failure)


def _again(name: str, force: bool) -> str:
    return f"c2d git disconnect {name}{' --force' if force else ''} --yes"


@git_app.command("hooks")
def list_hooks(connection: ConnectionOption = None, as_json: Json = False) -> None:
    """Our webhooks at an account's repositories, and how they are doing.

    Examples:
      $ c2d git hooks
    """
    with session(as_json) as s:
        path = f"/git/connections/{find(s, connection)['id']}/hooks"
        answer = s.client.get(path)
        if as_json:
            s.screen.document(answer)
            return
        rows = [
            (
                each["full_name"],
                "registered" if each["settled"] else "pending",
                each["id"],
                each["lost_reason"],
            )
            for each in answer["items"]
        ]
        s.screen.table(("repository", "webhook", "id", "reason"), rows)


@git_app.command("rotate-secret")
def rotate_secret(
    hook: Annotated[str, typer.Argument(metavar="HOOK", help="Its id, as `c2d git hooks` says.")],
    as_json: Json = False,
) -> None:
    """Give a webhook a new secret. What is signed with the old one counts for a day more.

    Examples:
      $ c2d git rotate-secret 3f0c9a52-8f0e-4b6e-9d51-0c3a0e6f2c11
    """
    with session(as_json) as s:
        changed = s.client.post(f"/git/hooks/{hook}/rotate")
        if as_json:
            s.screen.document(changed)
        elif changed["settled"]:
            s.screen.say(f"The webhook on {changed['full_name']} has a new secret.")
        else:
            s.screen.say(f"It is told as soon as possible: {changed['lost_reason']}")
