"""Names and ids to projects, services and deployments."""

from collections.abc import Sequence
from typing import TypeVar, cast
from uuid import UUID

from c2d import checkout, link
from c2d.client import Client
from c2d.errors import Ambiguous, ApiError, CliError, NotFound
from c2d.models import Deployment, Project, Service

Thing = TypeVar("Thing", Project, Service)


class Names:
    """Looks things up; what was read once in a command is not read again."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._projects: list[Project] | None = None
        self._services: dict[str, list[Service]] = {}

    def projects(self) -> list[Project]:
        if self._projects is None:
            self._projects = cast(list[Project], list(self._client.pages("/projects")))
        return self._projects

    def services(self, project: Project) -> list[Service]:
        if project["id"] not in self._services:
            pages = self._client.pages(f"/projects/{project['id']}/services")
            self._services[project["id"]] = cast(list[Service], list(pages))
        return self._services[project["id"]]

    def everything(self) -> list[tuple[Project, Service]]:
        """Every service with its project."""
        return [
            (project, service) for project in self.projects() for service in self.services(project)
        ]

    def project(self, text: str | None) -> Project:
        """By name or id; without either the linked one. Raises NotFound."""
        if text is None:
            linked = link.find()
            if linked is None:
                raise CliError("no project was named", f"Add --project: {_listed(self.projects())}")
            text = linked.project
        if is_id(text):
            return cast(Project, self._client.get(f"/projects/{text}"))
        found = self.find_project(text)
        if found is None:
            raise NotFound(f"there is no project {text!r}", self._projects_hint())
        return found

    def find_project(self, text: str) -> Project | None:
        """By name, or None."""
        return _one(text, self.projects(), "project")

    def learn(self, project: Project) -> None:
        """A project that was made a moment ago."""
        self._projects = [*(self._projects or []), project]

    def project_of(self, service: Service) -> Project:
        """The project a service belongs to."""
        for project in self._projects or ():
            if project["id"] == service["project_id"]:
                return project
        return cast(Project, self._client.get(f"/projects/{service['project_id']}"))

    def service(self, text: str | None, project: str | None = None) -> Service:
        """By `project/service`, by name where it is unique, or by id; else the linked one.

        Raises NotFound, and Ambiguous with the candidates.
        """
        if text is None:
            return self._default(project)
        if is_id(text):
            return cast(Service, self._client.get(f"/services/{text}"))
        if "/" in text:
            project, _, text = text.partition("/")
        if project is not None:
            owner = self.project(project)
            found = _one(text, self.services(owner), "service")
            if found is None:
                raise NotFound(
                    f"project {owner['slug']!r} has no service {text!r}",
                    f"It has: {_listed(self.services(owner)) or 'none yet'}",
                )
            return found
        return self._anywhere(text)

    def find_service(self, text: str, project: Project) -> Service | None:
        """By name in one project, or None."""
        return _one(text, self.services(project), "service")

    def path(self, service: Service) -> str:
        """`project/service`, as it can be typed."""
        return f"{self.project_of(service)['slug']}/{service['slug']}"

    def deployment(self, text: str | None, service: str | None = None) -> Deployment:
        """By id, by `#7` or `service#7`, or the latest of a service. Raises NotFound."""
        if text is not None and is_id(text):
            return cast(Deployment, self._client.get(f"/deployments/{text}"))
        if text and ("#" in text or text.isdigit()):
            name, _, digits = text.rpartition("#")
            return self._numbered(self.service(name or service), digits)
        return self.latest(self.service(text or service))

    def latest(self, service: Service) -> Deployment:
        """The newest deployment. Raises NotFound when nothing was ever deployed."""
        for deployment in self._deployments(service, most=1):
            return deployment
        raise NotFound(
            f"{self.path(service)} has never been deployed",
            f"Deploy it: c2d deploy {self.path(service)} --wait",
        )

    def by_repository(self, url: str) -> list[tuple[Project, Service]]:
        """The services that are built from a repository."""
        return [
            (project, service)
            for project, service in self.everything()
            if (source := service["source"])
            and checkout.same_repository(source["repository_url"], url)
        ]

    def _default(self, project: str | None) -> Service:
        if project is not None:
            services = self.services(self.project(project))
            if len(services) == 1:
                return services[0]
            raise CliError("no service was named", f"Name one: {_listed(services)}")
        linked = link.find()
        if linked is None:
            paths = [f"{owner['slug']}/{each['slug']}" for owner, each in self.everything()]
            raise CliError(
                "no service was named and this folder is not linked to one",
                f"Name one ({', '.join(paths[:8]) or 'there is none yet'}), "
                "or link this folder: c2d link PROJECT/SERVICE",
            )
        try:
            return self.service(linked.service, linked.project)
        except NotFound as error:
            raise NotFound(
                f"{linked.path} names {linked}, and {error.message}",
                "Link this folder anew: c2d link PROJECT/SERVICE",
            ) from error

    def _anywhere(self, text: str) -> Service:
        found = [(owner, each) for owner, each in self.everything() if _is_called(text, each)]
        if len(found) > 1 and (linked := link.find()):
            nearer = [pair for pair in found if _is_called(linked.project, pair[0])]
            found = nearer or found
        if not found:
            known = [f"{owner['slug']}/{each['slug']}" for owner, each in self.everything()]
            raise NotFound(
                f"there is no service {text!r}", f"There is: {', '.join(known[:8]) or 'none yet'}"
            )
        if len(found) > 1:
            paths = ", ".join(f"{owner['slug']}/{each['slug']}" for owner, each in found)
            raise Ambiguous(f"more than one service is called {text!r}", f"Say which: {paths}")
        return found[0][1]

    def _numbered(self, service: Service, digits: str) -> Deployment:
        if not digits.isdigit():
            raise CliError(f"{digits!r} is not a deployment's number")
        for deployment in self._deployments(service):
            if deployment["number"] == int(digits):
                return deployment
        raise NotFound(
            f"{self.path(service)} has no deployment #{digits}",
            f"List them: c2d deployments list {self.path(service)}",
        )

    def _deployments(self, service: Service, most: int | None = None) -> list[Deployment]:
        pages = self._client.pages(f"/services/{service['id']}/deployments", most)
        return cast(list[Deployment], list(pages))

    def _projects_hint(self) -> str:
        return f"There is: {_listed(self.projects()) or 'none yet: c2d projects create NAME'}"


def service_or_deployment(names: Names, text: str | None) -> Service | Deployment:
    """What an argument that may be either means; an id is tried as a service first."""
    if text is None:
        return names.service(None)
    if text.isdigit() or "#" in text:
        return names.deployment(text)
    if not is_id(text):
        return names.service(text)
    try:
        return names.service(text)
    except ApiError as error:
        if error.status != 404:
            raise
    return names.deployment(text)


def is_id(text: str) -> bool:
    """Whether a text is an id rather than a name."""
    try:
        UUID(text)
    except ValueError:
        return False
    return len(text) == 36


def _is_called(text: str, thing: Project | Service) -> bool:
    return text.lower() in (thing["slug"].lower(), thing["name"].lower())


def _one(text: str, things: Sequence[Thing], kind: str) -> Thing | None:
    by_slug = [thing for thing in things if thing["slug"] == text]
    found = by_slug or [thing for thing in things if _is_called(text, thing)]
    if len(found) > 1:
        slugs = ", ".join(thing["slug"] for thing in found)
        raise Ambiguous(f"more than one {kind} is called {text!r}", f"Say which: {slugs}")
    return found[0] if found else None


def _listed(things: Sequence[Project | Service]) -> str:
    return ", ".join(thing["slug"] for thing in things[:8])
