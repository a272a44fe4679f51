"""Which service `c2d deploy` means, and what it must create first."""

import shlex
from dataclasses import dataclass
from typing import Any

from c2d import checkout, link
from c2d.confirm import confirm
from c2d.errors import Ambiguous, CliError, NotFound
from c2d.models import Project, Service
from c2d.resolve import Names, is_id
from c2d.session import Session


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line says about the target."""

    service: str | None
    project: str | None
    repo: str | None
    image: str | None
    yes: bool
    rest: tuple[str, ...] = ()
    """The other options, to name a command that can be run as it stands."""


def target(s: Session, wish: Wish) -> Service:
    """The service to deploy; made first where the wish says enough or a person agrees."""
    if wish.service and is_id(wish.service):
        return s.names.service(wish.service)
    if wish.service:
        return _named(s, wish, wish.service)
    if wish.repo:
        return _from_repository(s, wish, wish.repo)
    if wish.project or link.find():
        return s.names.service(None, wish.project)
    tree = checkout.find()
    if tree is None:
        raise CliError(
            "this folder is neither linked to a service nor a git checkout with an origin",
            "c2d deploy --repo URL --project demo --service web --wait, or c2d link SERVICE",
        )
    return _from_checkout(s, wish, tree)


def _named(s: Session, wish: Wish, text: str) -> Service:
    project, slash, name = text.rpartition("/")
    owner = project if slash else wish.project
    found = _existing(s.names, name, owner)
    if found is not None:
        _same_source(s, found, wish)
        return found
    if not wish.repo and not wish.image:
        raise NotFound(
            f"there is no service {text!r}" + (f" in project {owner!r}" if owner else ""),
            f"Create it: c2d deploy --repo URL --project {owner or 'demo'} --service {name} --wait",
        )
    if owner is None:
        if wish.repo is None:
            raise CliError("a new service needs a project", "Add --project NAME")
        owner = checkout.name_of(wish.repo)
    return _create(s, owner, name, wish.repo, None)


def _existing(names: Names, name: str, owner: str | None) -> Service | None:
    if owner is not None:
        project = names.project(owner) if is_id(owner) else names.find_project(owner)
        return names.find_service(name, project) if project else None
    try:
        return names.service(name)
    except NotFound:
        return None


def _same_source(s: Session, service: Service, wish: Wish) -> None:
    if wish.repo is None:
        return
    source = service["source"]
    if source is None:
        url = checkout.without_credentials(wish.repo)
        s.client.patch(f"/services/{service['id']}", {"source": {"repository_url": url}})
    elif not checkout.same_repository(source["repository_url"], wish.repo):
        path = s.names.path(service)
        raise CliError(
            f"{path} is built from {source['repository_url']}, not from that repository",
            f"Change it first: c2d services set {path} --repo {shlex.quote(wish.repo)}",
        )


def _from_repository(s: Session, wish: Wish, url: str) -> Service:
    found = [
        (project, service)
        for project, service in s.names.by_repository(url)
        if wish.project in (None, project["slug"], project["name"], project["id"])
    ]
    if found:
        return _only(found, url)
    return _create(s, wish.project or checkout.name_of(url), "web", url, None)


def _from_checkout(s: Session, wish: Wish, tree: checkout.Checkout) -> Service:
    found = s.names.by_repository(tree.origin)
    if found:
        service = _only(found, tree.origin)
        s.screen.say(f"{s.names.path(service)} is built from this checkout's origin.", "dim")
        return service
    project, name = checkout.name_of(tree.origin), "web"
    command = ["c2d", "deploy", "--repo", tree.origin, "--project", project, "--service", name]
    branch = f", branch {tree.branch}" if tree.branch else ""
    confirm(
        f"Create service {project}/{name} from {tree.origin}{branch}, and deploy it?",
        shlex.join([*command, *wish.rest]),
        yes=wish.yes,
    )
    service = _create(s, project, name, tree.origin, tree.branch)
    owner = s.names.project_of(service)
    path = link.write(owner["slug"], service["slug"], tree.top)
    s.screen.say(f"This checkout is linked to it ({path.name}; it may be committed).", "dim")
    return service


def _only(found: list[tuple[Project, Service]], url: str) -> Service:
    if len(found) > 1:
        paths = ", ".join(f"{project['slug']}/{service['slug']}" for project, service in found)
        raise Ambiguous(
            f"{len(found)} services are built from {checkout.without_credentials(url)}",
            f"Say which: {paths}",
        )
    return found[0][1]


def _create(
    s: Session, project_name: str, name: str, repo: str | None, branch: str | None
) -> Service:
    names = s.names
    project = (
        names.project(project_name) if is_id(project_name) else names.find_project(project_name)
    )
    if project is None:
        project = s.client.post("/projects", {"name": project_name})
        s.screen.say(f"Created project {project_name}.")
    names.learn(project)
    body: dict[str, Any] = {"name": name}
    if repo is not None:
        source = {"repository_url": checkout.without_credentials(repo)}
        body["source"] = {**source, "branch": branch} if branch else source
    service: Service = s.client.post(f"/projects/{project['id']}/services", body)
    s.screen.say(f"Created service {project['slug']}/{service['slug']}.")
    return service
