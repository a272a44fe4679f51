"""`c2d projects`: what services are grouped in."""

from typing import Annotated, Any

import typer

from c2d.confirm import confirm_removal
from c2d.render import ago
from c2d.session import Json, Session, Yes, session

projects_app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="List, create, rename and delete projects."
)

Name = Annotated[str, typer.Argument(metavar="PROJECT", help="A project, by name or id.")]


@projects_app.command("list")
def list_projects(as_json: Json = False) -> None:
    """Every project.

    Examples:
      $ c2d projects list
      $ c2d projects list --json | jq -r '.items\\[].slug'
    """
    with session(as_json) as s:
        projects = s.names.projects()
        if as_json:
            s.screen.document({"items": projects})
            return
        rows = [
            (each["slug"], each["name"], each.get("description"), ago(each["created_at"]))
            for each in projects
        ]
        s.screen.table(("project", "name", "description", "created"), rows)


@projects_app.command("create")
def create_project(
    name: Annotated[str, typer.Argument(help="Its name; addresses use a short form of it.")],
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    as_json: Json = False,
) -> None:
    """Make a project; its short name goes to stdout.

    Examples:
      $ c2d projects create Demo
      $ c2d projects create Shop --description "The web shop"
    """
    with session(as_json) as s:
        body = {"name": name, "description": description}
        project = s.client.post("/projects", {key: value for key, value in body.items() if value})
        if as_json:
            s.screen.document(project)
            return
        s.screen.say(f"Project {project['name']} is there.")
        s.screen.say(f"Add a service: c2d services create web -p {project['slug']} --repo URL")
        s.screen.value(project["slug"])


@projects_app.command("show")
def show_project(name: Name, as_json: Json = False) -> None:
    """One project and its services.

    Examples:
      $ c2d projects show demo
    """
    with session(as_json) as s:
        project = s.names.project(name)
        services = s.names.services(project)
        if as_json:
            s.screen.document({**project, "services": services})
            return
        s.screen.fields(
            (
                ("Project", project["slug"]),
                ("Name", project["name"]),
                ("Description", project.get("description")),
                ("Created", ago(project["created_at"])),
                ("State", "deleting" if project.get("deleting") else None),
                ("Id", project["id"]),
            )
        )
        rows = [(each["slug"], each["state"], each["url"]) for each in services]
        if rows:
            s.screen.value("")
            s.screen.table(("service", "state", "address"), rows)


@projects_app.command("rename")
def rename_project(
    name: Name,
    new_name: Annotated[str, typer.Argument(help="The new name.")],
    description: Annotated[str | None, typer.Option(help="A new description.")] = None,
    as_json: Json = False,
) -> None:
    """Give a project another name. Addresses that are in use stay as they are.

    Examples:
      $ c2d projects rename demo "Demo shop"
    """
    with session(as_json) as s:
        body: dict[str, Any] = {"name": new_name}
        if description is not None:
            body["description"] = description
        project = s.client.patch(f"/projects/{s.names.project(name)['id']}", body)
        if as_json:
            s.screen.document(project)
        else:
            s.screen.say(f"It is called {project['name']} now ({project['slug']}).")


@projects_app.command("delete")
def delete_project(
    name: Name,
    dry_run: Annotated[bool, typer.Option(help="Only say what would go.")] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Remove a project with everything in it. Says what goes, and asks first.

    Examples:
      $ c2d projects delete demo --dry-run
      $ c2d projects delete demo --yes
    """
    with session(as_json) as s:
        project = s.names.project(name)
        remove(
            s,
            f"/projects/{project['id']}",
            f"project {project['slug']}",
            f"c2d projects delete {project['slug']} --yes",
            dry_run=dry_run,
            yes=yes,
        )


def remove(
    s: Session,
    path: str,
    what: str,
    command: str,
    *,
    dry_run: bool,
    yes: bool,
    force: bool = False,
) -> None:
    """Delete something after showing and confirming what goes with it."""
    query = {"force": "true"} if force else {}
    plan = s.client.delete(path, dry_run="true", **query)
    if dry_run and s.screen.json:
        s.screen.document(plan)
        return
    if dry_run or not s.screen.json:
        s.screen.say(f"Removing {what} removes:")
        for item in plan["will_remove"]:
            s.screen.say(f"  {item['kind']} {item.get('name') or item['id']}")
    if dry_run:
        return
    confirm_removal(what, command, yes=yes)
    answer = s.client.delete(path, **query)
    if s.screen.json:
        s.screen.document(answer)
    else:
        s.screen.say(f"Removing {what}; nothing of it answers any more once that has ended.")
