"""What a build step keeps in a cache mount comes back to its own project and to nobody else."""

import pytest

from tests.agent.building.conftest import Agent
from tests.agent.building.processes import PYTHON, unique

pytestmark = pytest.mark.docker


def build_and_look(agent: Agent, mount: str, **spec: str) -> set[str]:
    """Leaves a file of its own in the cache mount; whose files lay there before."""
    mine = unique()
    step = f"RUN --mount=type=cache,{mount} ls /kept | sed s/^/found:/ && touch /kept/{mine}"
    repository = agent.repository({"Dockerfile": f"{PYTHON}{step}\n"}, name=mine)
    agent.built(repository, **spec)
    log = agent.last_log.splitlines()
    found = {line.partition("found:")[2] for line in log if "found:" in line and "sed" not in line}
    return {name for name in found if name}


@pytest.mark.parametrize("mount", ["target=/kept", "id=shared-name,target=/kept"])
def test_a_users_cache_mount_is_not_another_tenants(agent: Agent, mount: str):
    first = {"organization_id": unique(), "cache": "shop"}
    assert build_and_look(agent, mount, **first) == set()
    assert len(build_and_look(agent, mount, **first)) == 1, "its own comes back"
    for foreign in (
        {"organization_id": unique(), "cache": "shop"},
        {**first, "cache": "blog"},
        {**first, "cache": "shop previews"},
    ):
        assert build_and_look(agent, mount, **foreign) == set(), foreign
