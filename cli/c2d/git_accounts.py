"""Connected Git accounts by name, and repositories by `owner/name`."""

import re
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from c2d.errors import CliError
from c2d.session import Session

ConnectionOption = Annotated[
    str | None, typer.Option("--connection", "-c", help="Which account, where there are several.")
]
_SHORT: Final = re.compile(r"^[A-Za-z0-9_][\w.-]*(/\.?[A-Za-z0-9_][\w.-]*)+$")


def find(s: Session, wanted: str | None) -> dict[str, Any]:
    """A connection by id, account, provider or both; the only one where none is named.

    Raises CliError when there is none or it is not clear which.
    """
    every = list(s.client.pages("/git/connections"))
    names = {wanted} if wanted else set()
    found = [each for each in every if not wanted or names & _names(each)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise CliError(
            f"there is no connection {wanted}" if wanted else "no account is connected",
            "Connect one: c2d git connect github   (or gitlab)",
        )
    shown = ", ".join(f"{each['provider']}/{each['account_name']}" for each in found)
    raise CliError(f"there are several connections: {shown}", "Say which: --connection")


def _names(connection: dict[str, Any]) -> set[str]:
    account = connection["account_name"]
    provider = connection["provider"]
    return {connection["id"], account, provider, f"{provider}/{account}"}


def is_short(repo: str) -> bool:
    """Whether it is `owner/name` rather than an address."""
    return bool(_SHORT.match(repo))


def path_of(repo: str) -> str:
    """The API's path of a repository. Raises CliError."""
    owner, _, name = repo.rpartition("/")
    if not owner or not is_short(repo):
        raise CliError(f"{repo!r} is no repository", "Name it as owner/name.")
    return f"/git/repos/{quote(owner, safe='')}/{name}"


def link(s: Session, body: dict[str, Any], repo: str | None, connection: str | None) -> None:
    """Turn `owner/name` in a service's document into a connected source, and an address into one
    that is not."""
    source = body.get("source")
    if repo is not None and is_short(repo):
        source = body.setdefault("source", {})
        source.pop("repository_url", None)
        source |= {"repository": repo, "connection_id": find(s, connection)["id"]}
    elif connection is not None:
        raise CliError("--connection needs --repo owner/name", "c2d git repos lists them.")
    elif repo is not None and source:
        for key in ("repository", "connection_id"):
            if source.get(key) is not None:
                source[key] = None
