"""Ada's account, repository and service on the emulated AWS."""

import json
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.e2e.apps import app
from tests.e2e.client import TERMINAL, Client
from tests.e2e.platform import until
from tests.emulated.cloud import Cloud
from tests.emulated.edge import Machine
from tests.emulated.home import Home
from tests.standins.accounts import browse
from tests.standins.github import GitHubServer

NAME = "ada/shop"
CONTEXT = "click-to-deploy"
SECONDS = 240


@dataclass
class Story:
    """What Ada does, and what she sees."""

    aws: Home
    machine: Machine
    github: GitHubServer
    client: Client
    service: dict[str, Any] = field(default_factory=dict)
    _shas: dict[str, str] = field(default_factory=dict)

    def connect(self) -> None:
        """In the browser: begin here, agree at GitHub, come back with the cookie."""
        begun = self.client.http.get("/git/connect/github")
        assert begun.status_code == 200, begun.text
        back = browse(begun.json()["url"])
        jar = {"Cookie": begun.headers["set-cookie"].partition(";")[0]}
        where = f"{self.aws.url}/git/callback/github"
        page = httpx.get(where, params=back, headers=jar, timeout=60, trust_env=False)
        assert "is connected" in page.text, page.text

    def make_service(self) -> None:
        """A service of the connected account's repository; its webhook is registered."""
        [connection] = self.client.call("GET", "/git/connections")["items"]
        source = {"connection_id": connection["id"], "repository": NAME, "branch": "main"}
        body = {"name": "web", "source": source, "health": {"timeout_seconds": 6}}
        project = self.client.project("shop")
        self.service = dict(self.client.call("POST", f"/projects/{project}/services", json=body))
        until(lambda: self.github.hooks_at(NAME), "the webhook's registration", 120)

    def push(self, version: str, **how: str) -> str:
        """Commit a version of the small server and tell the webhook; the SHA."""
        self._shas[version] = self.github.push(NAME, app(version, **how), message=version)
        return self._shas[version]

    def forged_push(self) -> int:
        """What the webhook answers to the last push with another signature."""
        last = [a for a in self.github.dispatcher.attempts if a.event == "push"][-1]
        headers = {**last.headers, "X-Hub-Signature-256": f"sha256={'0' * 64}"}
        answer = httpx.post(
            last.hook.url, content=last.body, headers=headers, timeout=60, trust_env=False
        )
        return answer.status_code

    def deployments(self, sha: str) -> list[dict[str, Any]]:
        path = f"/services/{self.service['id']}/deployments"
        return [d for d in self.client.call("GET", path)["items"] if d["sha"] == sha]

    def deployment_of(self, version: str) -> dict[str, Any]:
        return self.deployments(self._shas[version])[0]

    def begun(self, sha: str, state: str) -> dict[str, Any]:
        """The deployment of a commit, once it is in a state."""

        def look() -> Any:
            found = self.deployments(sha)
            return found[0] if found and found[0]["state"] == state else None

        return dict(until(look, f"a deployment that is {state}", SECONDS))

    def ended(self, sha: str, state: str) -> dict[str, Any]:
        """The one deployment of a commit, once it has ended as expected."""

        def look() -> Any:
            found = self.deployments(sha)
            return found if found and found[0]["state"] in TERMINAL else None

        try:
            found = until(look, f"the end of {sha[:8]}'s deployment", SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.seen(sha)}") from None
        assert [each["state"] for each in found] == [state], (found, self.seen(sha))
        return dict(found[0])

    def seen(self, sha: str) -> str:
        """What is known of a commit's way, for the one who reads a failure."""
        sent = [(a.event, a.status, a.response_body[:200]) for a in self.github.dispatcher.attempts]
        known: list[Any] = [sent, self.client.call("GET", "/webhook-deliveries")["items"][:2]]
        for found in self.deployments(sha):
            known += [self.client.steps(found["id"]), executions_of(self.aws.cloud, found["id"])]
        return json.dumps(known, default=str)

    def executed(self, deployment: dict[str, Any], *machines: str) -> dict[str, list[str]]:
        """The states that each machine passed, once all of them have succeeded."""

        def look() -> Any:
            found = executions_of(self.aws.cloud, deployment["id"])
            done = {name for name, each in found.items() if each["status"] == "SUCCEEDED"}
            return found if done == set(machines) else None

        found = until(look, f"the end of {', '.join(machines)}", SECONDS)
        return {name: each["states"] for name, each in found.items()}

    def reported(self, sha: str, *states: str) -> None:
        """Until the commit's newest status of ours is one of these."""

        def look() -> bool:
            found = self.github.statuses_of(NAME, sha)
            ours = [s.state for s in found if s.context.startswith(CONTEXT)]
            return ours[:1] != [] and ours[0] in states

        until(look, f"the status of {sha[:8]}", 60)


def executions_of(cloud: Cloud, deployment: str) -> dict[str, dict[str, Any]]:
    """Status and states passed of each machine's execution for a deployment."""
    client = cloud.client("stepfunctions")
    found: dict[str, dict[str, Any]] = {}
    for machine in client.list_state_machines()["stateMachines"]:
        listed = client.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
        for execution in listed:
            if deployment in execution["name"]:
                name = machine["name"].rpartition("-")[2]
                found[name] = {**_history(client, execution), "status": execution["status"]}
    return found


def _history(client: Any, execution: dict[str, Any]) -> dict[str, Any]:
    arn, events = execution["executionArn"], []
    for page in client.get_paginator("get_execution_history").paginate(executionArn=arn):
        events += page["events"]
    entered = [
        e["stateEnteredEventDetails"]["name"] for e in events if "stateEnteredEventDetails" in e
    ]
    return {"states": entered, "arn": arn, "last": events[-1] if events else None}
