"""The API as the tests use it."""

import time
from typing import Any

import httpx

BASE = "/v1/click-deploy"
TERMINAL = {"live", "failed", "cancelled", "superseded"}


class Client:
    def __init__(self, url: str, http_port: int, token: str) -> None:
        self.api_url = url
        self.http_port = http_port
        transport = httpx.HTTPTransport(retries=5)
        self.http = httpx.Client(
            base_url=url + BASE,
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
            transport=transport,
        )
        self.public = httpx.Client(timeout=10)

    def close(self) -> None:
        self.http.close()
        self.public.close()

    def call(self, method: str, path: str, **how: Any) -> Any:
        """The JSON of a successful answer; reads outlive a control plane that restarts."""
        answer = (
            self._read(path, **how) if method == "GET" else self.http.request(method, path, **how)
        )
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def _read(self, path: str, **how: Any) -> httpx.Response:
        deadline = time.monotonic() + 30
        while True:
            try:
                answer = self.http.get(path, **how)
                if answer.status_code not in {500, 503} or time.monotonic() > deadline:
                    return answer
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.1)

    def has_agent(self) -> bool:
        agents = self.call("GET", "/agents")["items"]
        roles = {role for agent in agents if agent["alive"] for role in agent["roles"]}
        return roles == {"build", "edge"}

    def project(self, name: str) -> str:
        return str(self.call("POST", "/projects", json={"name": name})["id"])

    def service(self, project: str, name: str, url: str, **settings: Any) -> dict[str, Any]:
        source = {"repository_url": url, "branch": "main"}
        body = {"name": name, "source": source, **settings}
        return dict(self.call("POST", f"/projects/{project}/services", json=body))

    def deploy(self, service: str, **how: Any) -> str:
        """The accepted deployment, also when the control plane died before it could say so."""
        try:
            return str(self.call("POST", f"/services/{service}/deploy", json=how)["id"])
        except httpx.RemoteProtocolError:
            return str(self.call("GET", f"/services/{service}/deployments")["items"][0]["id"])

    def deployment(self, deployment: str, **how: Any) -> dict[str, Any]:
        return dict(self.call("GET", f"/deployments/{deployment}", params=how))

    def steps(self, deployment: str) -> dict[str, dict[str, Any]]:
        found = self.call("GET", f"/deployments/{deployment}/steps")["items"]
        return {step["name"]: step for step in found}

    def log(self, deployment: str) -> str:
        answer = self.http.get(f"/deployments/{deployment}/logs/download")
        answer.raise_for_status()
        return answer.text

    def ended(self, deployment: str, seconds: float = 120) -> dict[str, Any]:
        """The deployment once it has ended; the control plane may be away in between."""
        from tests.e2e.platform import until

        def look() -> dict[str, Any] | None:
            try:
                seen = self.deployment(deployment)
            except (httpx.TransportError, AssertionError):
                return None
            return seen if seen["state"] in TERMINAL else None

        return dict(until(look, f"the end of deployment {deployment}", seconds))

    def live(self, service: str, **how: Any) -> dict[str, Any]:
        """Deploy and insist that it goes live."""
        done = self.ended(self.deploy(service, **how))
        assert done["state"] == "live", (done["reason"], self.steps(done["id"]))
        return done

    def get(self, service: dict[str, Any], path: str = "/") -> httpx.Response:
        """An answer through the public route."""
        host = service["url"].split("//")[1].split(":")[0]
        url = f"http://127.0.0.1:{self.http_port}{path}"
        return self.public.get(url, headers={"Host": host})
