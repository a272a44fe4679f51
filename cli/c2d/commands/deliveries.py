"""`c2d deliveries`: what Git providers told the platform, and what became of it."""

from enum import StrEnum
from typing import Annotated, Any, cast

import typer

from c2d.models import Delivery
from c2d.render import ago, first_line, short
from c2d.session import Json, session

deliveries_app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Deliveries of webhooks, with their verdicts."
)
COLUMNS = ("id", "state", "event", "ref", "commit", "by", "came", "reason")

Id = Annotated[str, typer.Argument(metavar="DELIVERY", help="The id, as the list shows it.")]


class State(StrEnum):
    DEPLOYED = "deployed"
    SKIPPED = "skipped"
    REJECTED = "rejected"
    WAITING = "waiting"
    DEAD = "dead"


@deliveries_app.command("list")
def list_deliveries(
    state: Annotated[State | None, typer.Option(help="Only those with this verdict.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 20,
    as_json: Json = False,
) -> None:
    """The newest deliveries: each push, tag and request, and why it was deployed or not.

    Examples:
      $ c2d deliveries list
      $ c2d deliveries list --state skipped
      $ c2d deliveries list --state dead --json
    """
    with session(as_json) as s:
        pages = s.client.pages("/webhook-deliveries", most=limit, state=state and state.value)
        items = cast(list[Delivery], list(pages))
        if as_json:
            s.screen.document({"items": items})
        elif items:
            s.screen.table(COLUMNS, [_row(each) for each in items])
        else:
            s.screen.say("Nothing was delivered yet." if state is None else "There is none.")


@deliveries_app.command("show")
def show_delivery(delivery: Id, as_json: Json = False) -> None:
    """One delivery with its verdict, the whole reason, and the deployments it made.

    Examples:
      $ c2d deliveries show 3f0c9a52-8f0e-4b6e-9d51-0c3a0e6f2c11
    """
    with session(as_json) as s:
        found = cast(Delivery, s.client.get(f"/webhook-deliveries/{delivery}"))
        if as_json:
            s.screen.document(found)
            return
        s.screen.fields(_fields(found))


@deliveries_app.command("replay")
def replay_delivery(delivery: Id, as_json: Json = False) -> None:
    """Decide on a delivery anew, as the services are set now.

    Examples:
      $ c2d deliveries replay 3f0c9a52-8f0e-4b6e-9d51-0c3a0e6f2c11
    """
    with session(as_json) as s:
        answer: Any = s.client.post(f"/webhook-deliveries/{delivery}/replay")
        if as_json:
            s.screen.document(answer)
        else:
            s.screen.say(f"It is decided on anew; look in a moment: c2d deliveries show {delivery}")


def _row(each: Delivery) -> tuple[str | None, ...]:
    return (
        each["id"],
        each["state"],
        each["event"],
        each["ref"],
        short(each["sha"]),
        each["author"],
        ago(each["created_at"]),
        first_line(each["reason"]),
    )


def _fields(found: Delivery) -> list[tuple[str, str | None]]:
    deployments = ", ".join(found["deployment_ids"])
    return [
        ("id", found["id"]),
        ("state", found["state"]),
        ("reason", found["reason"]),
        ("deployments", deployments or None),
        ("event", f"{found['event']} from {found['provider']}"),
        ("ref", found["ref"]),
        ("commit", found["sha"]),
        ("message", first_line(found["message"])),
        ("by", found["author"]),
        ("came", ago(found["created_at"])),
        ("decided", ago(found["decided_at"])),
        ("failures", str(found["failures"])),
        ("its provider's id", found["delivery_id"]),
    ]
