"""Whether the release that was deployed answers."""

import time
from typing import Any, Final

import httpx

from infra.aws.errors import RefusedError

PATH: Final = "/v1/click-deploy/health"
_PAUSE_SECONDS: Final = 1.0
_CALL_SECONDS: Final = 30.0


def wait_for(api_url: str, release: str, seconds: float) -> dict[str, str]:
    """Each part of the platform and what it says, once `release` answers and is ready.

    Raises RefusedError when that is not so after `seconds`.
    """
    deadline = time.monotonic() + seconds
    with httpx.Client(base_url=api_url.rstrip("/"), timeout=_CALL_SECONDS) as client:
        while True:
            reason, checks = _look(client, release)
            if reason is None:
                return checks
            if time.monotonic() > deadline:
                raise RefusedError(f"{api_url} is not well after {seconds:.0f} s: {reason}.")
            time.sleep(_PAUSE_SECONDS)


def _look(client: httpx.Client, release: str) -> tuple[str | None, dict[str, str]]:
    try:
        alive = client.get(PATH)
        if alive.status_code != httpx.codes.OK:
            return f"{PATH} answers {alive.status_code}", {}
        serving = alive.json().get("version")
        if serving != release:
            return f"release {serving} answers, not {release}", {}
        ready = client.get(f"{PATH}/ready")
        checks = _checks(ready.json())
    except httpx.HTTPError as error:
        return f"{type(error).__name__}: {error}", {}
    except ValueError:
        return "the answer is no JSON", {}
    if ready.status_code != httpx.codes.OK:
        return f"it is not ready: {'; '.join(f'{k}: {v}' for k, v in checks.items())}", {}
    return None, checks


def _checks(said: dict[str, Any]) -> dict[str, str]:
    return {
        name: check["detail"] if check["ok"] else f"NOT WELL: {check['detail']}"
        for name, check in said.get("checks", {}).items()
    }
