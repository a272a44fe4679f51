"""What outlives its platform: services through a reboot, builds through an upgrade."""

from uuid import uuid4

import pytest

from tests.e2e.conftest import Repositories, short_folder
from tests.e2e.platform import Platform, docker, until

pytestmark = pytest.mark.docker


def test_after_a_reboot_every_live_service_answers(
    tmp_path_factory: pytest.TempPathFactory, repository: Repositories
) -> None:
    code = repository("reboot")
    with Platform(short_folder(tmp_path_factory)) as platform:
        client = platform.client
        project = client.project("reboot")
        code.app("still here")
        services = [client.service(project, f"web-{n}", code.url) for n in range(3)]
        for service in services:
            client.live(service["id"])
        platform.stop()
        docker("kill", *platform.containers(every=False))
        platform.start()
        for service in services:
            until(lambda s=service: platform.client.get(s).text == "still here", "its return", 30)
        states = [platform.client.call("GET", f"/services/{s['id']}")["state"] for s in services]
        assert states == ["live"] * 3


def test_an_upgrade_lets_a_running_build_finish(
    platform: Platform, repository: Repositories
) -> None:
    client, code = platform.client, repository("upgrade")
    code.app("upgraded", build=f"RUN sleep 8 && echo {uuid4()}")
    service = client.service(client.project("upgrade"), "web", code.url)
    deployment = client.deploy(service["id"])
    until(lambda: "sleep 8" in client.log(deployment), "the build to run")
    platform.restart("platform")
    platform.restart("agent")
    done = client.ended(deployment)
    assert done["state"] == "live", done["reason"]
    assert client.log(deployment).count("Cloned ") == 1
    assert client.get(service).text == "upgraded"
