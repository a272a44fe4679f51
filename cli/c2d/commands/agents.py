"""`c2d agents`: who builds and who routes."""

import typer

from c2d.render import ago
from c2d.session import Json, session

agents_app = typer.Typer(add_completion=False)


@agents_app.command()
def agents(as_json: Json = False) -> None:
    """The agents, what they may do, and when they were last heard of.

    Examples:
      $ c2d agents
    """
    with session(as_json) as s:
        answer = s.client.get("/agents")
        if as_json:
            s.screen.document(answer)
            return
        rows = [
            (
                each["name"],
                ", ".join(each["roles"]),
                "live" if each["alive"] else "stopped",
                f"{each['running']}/{each['capacity']}",
                each["version"],
                ago(each["last_seen_at"]),
            )
            for each in answer["items"]
        ]
        s.screen.table(("agent", "roles", "state", "jobs", "version", "seen"), rows)
        if not rows:
            s.screen.say("No agent has ever asked for work. Start one: c2d platform up", "yellow")
