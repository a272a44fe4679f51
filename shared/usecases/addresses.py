"""Where people reach the platform and the services it runs."""

from dataclasses import dataclass

from shared.domain.deployments import Deployment
from shared.domain.projects import Project
from shared.domain.routes import PublicAddresses
from shared.domain.services import Service


@dataclass(frozen=True, slots=True)
class Addresses:
    """`platform` is the control plane's own address, without a slash at its end."""

    platform: str
    services: PublicAddresses

    def of_service(self, service: Service, project: Project) -> str:
        """The public address that every service has."""
        return self.services.url(service.slug, project.slug)

    def of_deployment(self, deployment: Deployment) -> str:
        """Where the deployment is described: the API's own address of it."""
        return f"{self.platform}/v1/click-deploy/deployments/{deployment.id}"
