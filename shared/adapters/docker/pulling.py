"""Fetching an image from its registry, with credentials and within a deadline."""

import json
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests
from docker.auth import encode_header, get_config_header, resolve_repository_name
from docker.errors import APIError, InvalidRepository, create_api_error_from_http_exception
from docker.utils import parse_repository_tag

from shared.adapters.docker.engine import DISK_FULL, Engine, translated
from shared.domain.errors import DiskFull, ImageNotFound, PlatformError

if TYPE_CHECKING:
    # the agent uses this module too, and knows nothing of the platform's settings
    from shared.settings import Settings

_SILENCE_SECONDS = 30.0
_REFUSED = ("unauthorized", "authentication required", "denied", "no basic auth")
_UNREACHABLE = ("no such host", "connection refused", "timeout", "exceeded", "http: server gave")


@dataclass(frozen=True, slots=True)
class PullPolicy:
    """Who may pull, and for how long: `seconds` in all, at most 30 of them without progress.

    The credentials are those of `registry` and are sent to no other host. Elsewhere the engine's
    own logins count (`docker login`).
    """

    seconds: float = 80.0
    registry: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def silence(self) -> float:
        return min(_SILENCE_SECONDS, self.seconds)


def policy(settings: "Settings") -> PullPolicy:
    """The task that pulls has its own time limit, and must end before it to say why."""
    return PullPolicy(
        seconds=max(1.0, settings.timeouts.task - 40),
        registry=settings.registry,
        username=settings.registry_username,
        password=settings.registry_password,
    )


def pull(engine: Engine, reference: str, policy: PullPolicy) -> None:
    """Have the engine fetch `reference`, a tag or a digest.

    Raises ImageNotFound when its registry does not have it, does not let us in, is not reached
    or is too slow, with what to do; DiskFull; Transient when the engine itself does not answer.
    """
    begun = time.monotonic()
    try:
        with (
            translated(f"image {reference}"),
            closing(_events(engine, reference, policy)) as events,
        ):
            for event in events:
                if "error" in event:
                    raise _refusal(reference, str(event["error"]))
                if time.monotonic() - begun > policy.seconds:
                    raise ImageNotFound(_too_slow(reference, policy))
    except PlatformError as error:
        raise _in_its_terms(error, reference, policy, time.monotonic() - begun) from error


def _in_its_terms(
    error: PlatformError, reference: str, policy: PullPolicy, waited: float
) -> PlatformError:
    """What the engine said of the registry is not a fault of the engine."""
    cause = error.__cause__
    if isinstance(cause, InvalidRepository):
        return ImageNotFound(f"{reference} does not name an image: {cause}")
    if isinstance(cause, APIError):
        return _refusal(reference, str(cause.explanation or cause))
    if isinstance(cause, requests.RequestException) and waited >= policy.silence:
        return ImageNotFound(_too_slow(reference, policy))
    return error


def _events(engine: Engine, reference: str, policy: PullPolicy) -> Generator[dict[str, Any]]:
    """The SDK's own pull waits without end, so the call is made here."""
    api = engine.api
    name, tag = parse_repository_tag(reference)
    host, _ = resolve_repository_name(name)
    login = _login(engine, host, policy)
    with api.post(
        f"{api.base_url}/v{api.api_version}/images/create",
        params={"fromImage": name, "tag": tag or "latest"},
        headers={"X-Registry-Auth": login} if login else {},
        stream=True,
        timeout=policy.silence,
    ) as response:
        try:
            response.raise_for_status()
        except requests.HTTPError as error:
            create_api_error_from_http_exception(error)
        for line in response.iter_lines(chunk_size=None):
            if line:
                yield json.loads(line)


def _login(engine: Engine, host: str, policy: PullPolicy) -> bytes | None:
    ours, _ = resolve_repository_name(f"{policy.registry}/any")
    if policy.registry and policy.username and host == ours:
        return encode_header({"username": policy.username, "password": policy.password or ""})
    return get_config_header(engine.api, host)


def _refusal(reference: str, said: str) -> PlatformError:
    text = said.lower()
    if any(needle in text for needle in DISK_FULL):
        return DiskFull(f"the image {reference} does not fit on this machine: {said}")
    advice = "check its name and tag"
    if any(needle in text for needle in _REFUSED):
        advice = (
            "check its name, set C2D_REGISTRY_USERNAME and C2D_REGISTRY_PASSWORD for the "
            "platform's own registry, or log this machine in to another one with docker login"
        )
    elif any(needle in text for needle in _UNREACHABLE):
        advice = "see that its registry can be reached from here, and deploy again"
    return ImageNotFound(f"the image {reference} could not be pulled ({said}): {advice}")


def _too_slow(reference: str, policy: PullPolicy) -> str:
    return (
        f"the image {reference} was not there within {policy.seconds:.0f} s: see that its registry "
        f"can be reached, or pull it beforehand with docker pull {reference}, and deploy again"
    )
