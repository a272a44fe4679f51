"""`c2d agents`: who builds and who routes, and the tokens that let them in."""

from typing import Annotated, Any

import typer

from c2d.commands.agent_tokens import tokens_app
from c2d.confirm import confirm_removal
from c2d.render import ago
from c2d.session import Json, Yes, session

agents_app = typer.Typer(add_completion=False, invoke_without_command=True)
agents_app.add_typer(tokens_app, name="tokens")


@agents_app.callback(invoke_without_command=True)
def agents(ctx: typer.Context, as_json: Json = False) -> None:
    """The agents, what they may do, and when they were last heard of.

    Examples:
      $ c2d agents
      $ c2d agents queue
      $ c2d agents tokens create builders --role build
    """
    if ctx.invoked_subcommand is not None:
        return
    with session(as_json) as s:
        answer = s.client.get("/agents")
        if as_json:
            s.screen.document(answer)
            return
        head = ("agent", "roles", "state", "jobs", "token", "version", "seen")
        s.screen.table(head, [_row(each) for each in answer["items"]])
        if not answer["items"]:
            s.screen.say("No agent has ever asked for work. Start one: c2d platform up", "yellow")


def _row(agent: dict[str, Any]) -> tuple[str, ...]:
    return (
        agent["name"],
        ", ".join(agent["roles"]),
        "live" if agent["alive"] else "stopped",
        f"{agent['running']}/{agent['capacity']}",
        agent.get("token") or "",
        agent["version"],
        ago(agent["last_seen_at"]),
    )


@agents_app.command("queue")
def queue(as_json: Json = False) -> None:
    """The work that waits for agents, per role: what to scale them by.

    Examples:
      $ c2d agents queue
      $ c2d agents queue --json
    """
    with session(as_json) as s:
        answer = s.client.get("/agents/queue")
        if as_json:
            s.screen.document(answer)
            return
        rows = [
            (
                each["role"],
                str(each["queued"]),
                f"{each['oldest_seconds']:.0f} s" if each["queued"] else "",
                str(each["running"]),
                str(each["agents"]),
                str(each["capacity"]),
            )
            for each in answer["items"]
        ]
        s.screen.table(("role", "waiting", "oldest", "running", "agents", "capacity"), rows)


@agents_app.command("forget")
def forget(
    name: Annotated[str, typer.Argument(help="The agent's name.")],
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Take an agent off the list: its name is free for another token.

    One that still runs comes back with its next claim.

    Examples:
      $ c2d agents forget builder-3
    """
    with session(as_json) as s:
        confirm_removal(f"the agent {name}", f"c2d agents forget {name} --yes", yes=yes)
        answer = s.client.delete(f"/agents/{name}")
        if as_json:
            s.screen.document(answer)
        else:
            s.screen.say(f"The agent {name} is forgotten.")
