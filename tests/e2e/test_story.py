"""One service from its first deployment to its deletion."""

import time

import pytest

from tests.e2e.conftest import Repositories
from tests.e2e.platform import Platform, docker, until

pytestmark = pytest.mark.docker


def test_from_a_git_url_to_a_live_url_and_back(
    platform: Platform, repository: Repositories
) -> None:
    client, code = platform.client, repository("story")
    sha = code.app("one")
    project = client.project("story")
    service = client.service(project, "web", code.url)
    first = client.live(service["id"])
    assert first["sha"] == sha
    assert client.get(service).text == "one"

    client.call(
        "POST", f"/services/{service['id']}/env", json={"key": "GREETING", "value": "hello"}
    )
    code.app("two")
    second = client.live(service["id"])
    assert client.get(service).text == "two hello"

    took = []
    for target, text in ((first, "one"), (second, "two hello"), (first, "one")):
        began = time.monotonic()
        answer = client.call("POST", f"/services/{service['id']}/rollback/{target['id']}")
        until(lambda text=text: client.get(service).text == text, "the old answer", 10)
        took.append(time.monotonic() - began)
        rolled = client.ended(answer["deployment"]["id"])
        assert rolled["state"] == "live"
        assert "Build" not in client.steps(rolled["id"])
    print(f"from the POST to the first old answer: {', '.join(f'{t:.2f} s' for t in took)}")
    assert min(took) < 1.0
    assert any("schema" in sentence for sentence in answer["not_restored"])

    found = client.call("GET", f"/services/{service['id']}/rollback-candidates")["items"]
    assert [c["release_number"] for c in found] == [5, 4, 3, 2, 1]
    assert second["number"] == 2

    client.call("DELETE", f"/projects/{project}")
    until(lambda: not platform.containers(), "the containers' end", 60)
    until(lambda: client.http.get(f"/projects/{project}").status_code == 404, "the project's end")
    assert client.get(service).status_code == 404
    assert service["id"] not in docker("images", "--format", "{{.Repository}}")


def test_an_app_that_dies_is_started_again(platform: Platform, repository: Repositories) -> None:
    client, code = platform.client, repository("dies")
    code.app("one")
    service = client.service(client.project("dies"), "web", code.url)
    client.live(service["id"])
    assert client.get(service, "/exit").status_code in {502, 503, 504}
    until(lambda: client.get(service).text == "one", "the app's return", 15)
