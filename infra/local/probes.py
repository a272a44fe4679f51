"""Probes over HTTP: each answers None when a component serves, else why not."""

import json
import urllib.error
import urllib.request

from infra.local.components import Probe

HEALTH = "/v1/click-deploy/health"
PROBE_SECONDS = 5


def http_probe(url: str, name: str, accept: frozenset[int] = frozenset({200})) -> Probe:
    """A probe that asks an address and is content with one of these status codes."""

    def ask() -> str | None:
        code, answer = _get(url)
        if code is None:
            return f"{name} does not answer at {url}: {answer}"
        return None if code in accept else f"{name} answers {code} at {url}"

    return ask


def ready_probe(api_url: str, part: str | None = None) -> Probe:
    """A probe of the platform's readiness, as a whole or of one of its parts (`agents`)."""

    def ask() -> str | None:
        code, answer = _get(f"{api_url}{HEALTH}/ready")
        if code is None:
            return f"the platform does not answer: {answer}"
        try:
            checks = json.loads(answer)["checks"]
            wrong = {name: check["detail"] for name, check in checks.items() if not check["ok"]}
        except (ValueError, KeyError, TypeError):
            return f"the platform answers {code} to the question whether it is ready"
        if part is not None:
            return wrong.get(part)
        return "; ".join(f"{name}: {detail}" for name, detail in wrong.items()) or None

    return ask


def _get(url: str) -> tuple[int | None, str]:
    """Status code and text; without an answer None and why."""
    try:
        with urllib.request.urlopen(url, timeout=PROBE_SECONDS) as response:  # noqa: S310 - ours
            return response.status, response.read(65536).decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read(65536).decode(errors="replace")
    except (OSError, ValueError) as error:
        return None, str(getattr(error, "reason", error))
