"""`c2d services`: what is built, how it runs, where it stands."""

from typing import Annotated, Any

import typer

from c2d import service_settings as settings
from c2d.commands.projects import remove
from c2d.env_options import Force
from c2d.errors import CliError
from c2d.git_accounts import ConnectionOption, link
from c2d.models import Service
from c2d.render import ago, short
from c2d.runtime_log import follow_runtime, print_runtime
from c2d.session import Json, ProjectOption, ServiceArgument, Yes, session

services_app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="The services of your projects."
)


@services_app.command("list")
def list_services(project: ProjectOption = None, as_json: Json = False) -> None:
    """Every service, or those of one project.

    Examples:
      $ c2d services list
      $ c2d services list -p demo --json
    """
    with session(as_json) as s:
        owners = [s.names.project(project)] if project else s.names.projects()
        pairs = [(owner, each) for owner in owners for each in s.names.services(owner)]
        if as_json:
            s.screen.document({"items": [each for _, each in pairs]})
            return
        rows = [
            (f"{owner['slug']}/{each['slug']}", each["state"], _release(each), each["url"])
            for owner, each in pairs
        ]
        s.screen.table(("service", "state", "running", "address"), rows)


@services_app.command("create")
def create_service(
    name: Annotated[str, typer.Argument(help="Its name; its address begins with a short form.")],
    project: ProjectOption = None,
    repo: settings.Repo = None,
    connection: ConnectionOption = None,
    branch: settings.Branch = None,
    root: settings.Root = None,
    watch: settings.Watch = None,
    tags: settings.Tags = None,
    wait_for_ci: settings.WaitForCi = None,
    dockerfile: settings.Dockerfile = None,
    target: settings.Target = None,
    install_command: settings.Install = None,
    build_command: settings.Build = None,
    start_command: settings.Start = None,
    pre_deploy_command: settings.PreDeploy = None,
    port: settings.Port = None,
    drain_seconds: settings.Drain = None,
    keep_previous_seconds: settings.Keep = None,
    health_path: settings.HealthPath = None,
    health_timeout: settings.HealthTimeout = None,
    cpus: settings.Cpus = None,
    memory: settings.Memory = None,
    pids: settings.Pids = None,
    overlap: settings.OverlapOption = None,
    deletion_protection: settings.Protection = None,
    as_json: Json = False,
) -> None:
    """Make a service; `project/service` goes to stdout. Nothing is deployed yet.

    Framework, commands and port are detected at the first build; options here win over that.

    Examples:
      $ c2d services create web -p demo --repo https://git.example/team/shop.git
      $ c2d services create api -p demo --repo URL --root services/api --port 9000
      $ c2d services create shop -p demo --repo acme/shop     of a connected account
    """
    given = _given(locals())
    with session(as_json) as s:
        owner = s.names.project(project)
        body = {"name": name, **settings.document(given)}
        link(s, body, repo, connection)
        service = s.client.post(f"/projects/{owner['id']}/services", body)
        path = f"{owner['slug']}/{service['slug']}"
        if as_json:
            s.screen.document(service)
            return
        s.screen.say(f"Service {path} is there. Deploy it: c2d deploy {path} --wait")
        s.screen.value(path)


@services_app.command("set")
def set_service(
    service: ServiceArgument = None,
    project: ProjectOption = None,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    repo: settings.Repo = None,
    connection: ConnectionOption = None,
    branch: settings.Branch = None,
    root: settings.Root = None,
    watch: settings.Watch = None,
    tags: settings.Tags = None,
    wait_for_ci: settings.WaitForCi = None,
    dockerfile: settings.Dockerfile = None,
    target: settings.Target = None,
    install_command: settings.Install = None,
    build_command: settings.Build = None,
    start_command: settings.Start = None,
    pre_deploy_command: settings.PreDeploy = None,
    port: settings.Port = None,
    drain_seconds: settings.Drain = None,
    keep_previous_seconds: settings.Keep = None,
    health_path: settings.HealthPath = None,
    health_timeout: settings.HealthTimeout = None,
    cpus: settings.Cpus = None,
    memory: settings.Memory = None,
    pids: settings.Pids = None,
    overlap: settings.OverlapOption = None,
    autodeploy: settings.Autodeploy = None,
    previews: settings.Previews = None,
    deletion_protection: settings.Protection = None,
    as_json: Json = False,
) -> None:
    """Change settings; they count from the next deployment on. An empty value clears one.

    Examples:
      $ c2d services set web --port 8000 --health-path /healthz
      $ c2d services set web --start-command ""       detected again
      $ c2d services set demo/web --memory 1024 --overlap queue
      $ c2d services set web --watch src/ --watch package.json --wait-for-ci
    """
    given = _given(locals())
    with session(as_json) as s:
        found = s.names.service(service, project)
        body = settings.document(given, found)
        link(s, body, repo, connection)
        if name is not None:
            body["name"] = name
        if not body:
            raise CliError("nothing to set was given", "The options: c2d services set --help")
        changed = s.client.patch(f"/services/{found['id']}", body)
        if as_json:
            s.screen.document(changed)
            return
        path = s.names.path(found)
        s.screen.say(f"{path} is changed. It counts from the next: c2d deploy {path}")


@services_app.command("show")
def show_service(
    service: ServiceArgument = None, project: ProjectOption = None, as_json: Json = False
) -> None:
    """A service with all its settings.

    Examples:
      $ c2d services show demo/web
    """
    with session(as_json) as s:
        found = s.names.service(service, project)
        if as_json:
            s.screen.document(found)
            return
        s.screen.fields(_fields(found, s.names.path(found)))


@services_app.command("delete")
def delete_service(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="By name or id.")],
    project: ProjectOption = None,
    dry_run: Annotated[bool, typer.Option(help="Only say what would go.")] = False,
    force: Force = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Remove a service with its instances, images and address. Says what goes, and asks first.

    Examples:
      $ c2d services delete demo/web --dry-run
      $ c2d services delete demo/web --yes
    """
    with session(as_json) as s:
        found = s.names.service(service, project)
        path = s.names.path(found)
        command = f"c2d services delete {path} --yes"
        remove(
            s,
            f"/services/{found['id']}",
            f"service {path}",
            command,
            dry_run=dry_run,
            yes=yes,
            force=force,
        )


@services_app.command("restart")
def restart_service(
    service: ServiceArgument = None, project: ProjectOption = None, as_json: Json = False
) -> None:
    """Start the running release anew, without a build.

    Examples:
      $ c2d services restart web
    """
    with session(as_json) as s:
        found = s.names.service(service, project)
        answer = s.client.post(f"/services/{found['id']}/restart")
        if as_json:
            s.screen.document(answer)
        else:
            path = s.names.path(found)
            s.screen.say(f"{path} restarts. See how it does: c2d status {path}")


@services_app.command("logs")
def service_logs(
    service: ServiceArgument = None,
    project: ProjectOption = None,
    tail: Annotated[int, typer.Option("--tail", "-n", min=1, help="How many lines.")] = 200,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Stay, and show more.")] = False,
    as_json: Json = False,
) -> None:
    """What the running instance writes: the same as `c2d logs --runtime`.

    Examples:
      $ c2d services logs web -f
    """
    with session(as_json) as s:
        show = follow_runtime if follow else print_runtime
        show(s, s.names.service(service, project), tail)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    known = {*settings.PLACES, "overlap", "autodeploy", "deletion_protection"}
    return {name: value for name, value in options.items() if name in known}


def _release(service: Service) -> str:
    running = service["running"]
    return f"r{running['release_number']} {short(running['sha'])}".strip() if running else ""


def _fields(service: Service, path: str) -> list[tuple[str, str | int | None]]:
    running = service["running"]
    fields: list[tuple[str, str | int | None]] = [
        ("Service", path),
        ("State", service["state"]),
        ("Reason", service["state_reason"]),
        ("Address", service["url"]),
        ("Running", f"{_release(service)}, since {ago(running['since'])}" if running else None),
    ]
    for group in ("source", "build", "run", "health", "limits"):
        values: dict[str, Any] = service.get(group) or {}  # type: ignore[assignment]
        fields += [
            (f"{group}.{key}", str(value)) for key, value in values.items() if value is not None
        ]
    fields += [
        ("Overlap", service["overlap"]),
        ("Autodeploy", "on" if service["autodeploy"] else "off"),
        ("Protected", "from deletion" if service["deletion_protection"] else None),
        ("Variables", f"version {service['env_version']}"),
        ("Id", service["id"]),
    ]
    return fields
