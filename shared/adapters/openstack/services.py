"""The services we call: how catalogues name them and which version we speak."""

import re
from dataclasses import dataclass
from typing import Final

_VERSIONED: Final = re.compile(r"/v\d+(\.\d+)?(/|$)")


@dataclass(frozen=True, slots=True)
class Service:
    """`title` is what people call it, `types` are its names in catalogues, best first.

    `version` is the path of its interface where the catalogue leaves it out; `microversion` the
    value of `OpenStack-API-Version`. `by_project` services have the project's id in the path.
    """

    title: str
    types: tuple[str, ...]
    version: str
    microversion: str | None = None
    by_project: bool = False

    @property
    def name(self) -> str:
        return self.types[0]

    def root(self, url: str, project_id: str) -> str:
        """The address that our paths are below, from an endpoint as the catalogue has it."""
        root = url.rstrip("/")
        if not _VERSIONED.search(root):
            root = f"{root}/{self.version}"
        if self.by_project and not root.endswith(project_id):
            root = f"{root}/{project_id}"
        return root


IDENTITY: Final = Service("Keystone", ("identity",), "v3")
COMPUTE: Final = Service("Nova", ("compute",), "v2.1", "compute 2.79")
NETWORK: Final = Service("Neutron", ("network",), "v2.0")
VOLUME: Final = Service(
    "Cinder", ("block-storage", "volumev3", "block-store"), "v3", "volume 3.59", by_project=True
)
DNS: Final = Service("Designate", ("dns",), "v2")
SECRETS: Final = Service("Barbican", ("key-manager",), "v1")
IMAGE: Final = Service("Glance", ("image",), "v2")
