"""The Docker engine as the cloud: all its ports over one engine."""

from typing import TYPE_CHECKING

from shared.adapters.docker.compute import DockerCompute
from shared.adapters.docker.engine import DockerConfig, Engine
from shared.adapters.docker.images import DockerImages
from shared.adapters.docker.names import DockerNames
from shared.adapters.docker.networks import DockerNetworks
from shared.adapters.docker.pulling import PullPolicy, policy
from shared.adapters.docker.volumes import DockerVolumes
from shared.ports.compute import Cloud

if TYPE_CHECKING:
    # the agent uses this module too, and knows nothing of the platform's settings
    from shared.settings import Settings


def cloud_of(engine: Engine, pulls: PullPolicy = PullPolicy()) -> Cloud:
    """The ports; names take turns with themselves, as compute changes names too."""
    networks = DockerNetworks(engine)
    names = DockerNames(engine, networks)
    return Cloud(
        compute=DockerCompute(engine, networks, names),
        images=DockerImages(engine, pulls),
        names=names,
        networks=networks,
        volumes=DockerVolumes(engine),
    )


def configured(settings: "Settings") -> Cloud:
    """The cloud of a platform on the engine's machine."""
    config = DockerConfig(platform_id=settings.platform_id, pool=settings.network_pool)
    return cloud_of(Engine(config), policy(settings))
