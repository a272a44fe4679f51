"""The simulator as a program."""

import json
import select
import subprocess
import sys
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "infra.simulator")


def test_it_says_first_what_a_client_needs_and_serves_it() -> None:
    argv = [*COMMAND, "--pace", "0", "--seed", "3"]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], 30)[0]
            said = json.loads(process.stdout.readline())
            given = {
                "id": said["application_credential_id"],
                "secret": said["application_credential_secret"],
            }
            method = "application_credential"
            auth = {"identity": {"methods": [method], method: given}}
            with httpx.Client(timeout=10) as http:
                signed = http.post(f"{said['auth_url']}/auth/tokens", json={"auth": auth})
                urls = [
                    (endpoint["region_id"], endpoint["url"])
                    for service in signed.json()["token"]["catalog"]
                    for endpoint in service["endpoints"]
                    if service["type"] == "compute" and endpoint["interface"] == "public"
                ]
                headers = {"X-Auth-Token": signed.headers["X-Subject-Token"]}
                answer = http.get(f"{urls[0][1]}/flavors", headers=headers)
            assert urls[0][0] == said["region"]
            assert said["flavor_id"] in {flavor["id"] for flavor in answer.json()["flavors"]}
        finally:
            process.terminate()
            process.wait(10)


def test_it_explains_itself() -> None:
    done = subprocess.run(
        [*COMMAND, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    for option in ("--port", "--host", "--pace", "--seed"):
        assert option in done.stdout
