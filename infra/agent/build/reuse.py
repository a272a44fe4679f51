"""What an image is made of: from the very same things none has to be built again."""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from infra.agent.build.builders import BuildRequest, Image
from infra.agent.build.engine_socket import EngineSocket
from shared.domain.detection.plan import CA_SECRET, Plan, Provider

LABEL: Final = "c2d.made-of"
"""Every image we build has it, empty where it must not be used again: one would inherit it."""
_COPIED: Final = re.compile(r"--from=(\S+)")


def ingredients(
    key: bytes,
    source: Sequence[str],
    plan: Plan,
    arguments: Mapping[str, str],
    secrets: Mapping[str, Path],
) -> str:
    """All that decides what a generated Dockerfile makes, but for its base images.

    `source` says whose it is, which tree and where in it; build variables are in the digest
    among `arguments`. Empty for a Dockerfile of the user's, which may fetch what we do not see,
    and where an image is copied from that is no base. Keyed: no image can be made to match.
    """
    text = plan.dockerfile or ""
    foreign = {name for name in _COPIED.findall(text) if ":" in name} - set(plan.base_images)
    if plan.provider is not Provider.OWN or foreign:
        return ""
    ca = secrets.get(CA_SECRET)
    parts = [source, text, plan.dockerignore, sorted(arguments.items())]
    parts.append(hashlib.sha256(ca.read_bytes()).hexdigest() if ca else None)
    return _keyed(key, parts)


def made_of(request: BuildRequest, socket: EngineSocket) -> str:
    """The ingredients with the base images as the engine has them; empty when it lacks one."""
    if not request.ingredients:
        return ""
    bases = [(socket.image(name) or {}).get("Id") for name in request.bases]
    return _keyed(request.ingredients.encode(), bases) if bases and all(bases) else ""


def made_before(request: BuildRequest, value: str, socket: EngineSocket) -> Image | None:
    """The newest image of this service made of the same, under the request's tag from now on."""
    if not value or request.no_cache:
        return None
    own = f"{request.tag.rpartition(':')[0]}:"
    found = [image for image in socket.labelled(LABEL, value) if _named(image, own)]
    for image in sorted(found, key=lambda one: int(one["Created"]), reverse=True):
        if socket.tag(str(image["Id"]), request.tag):
            return Image(str(image["Id"]), int(image["Size"]))
    return None


def _named(image: Mapping[str, Any], prefix: str) -> bool:
    return any(name.startswith(prefix) for name in image.get("RepoTags") or ())


def _keyed(key: bytes, parts: Sequence[object]) -> str:
    return hmac.new(key, json.dumps(parts).encode(), hashlib.sha256).hexdigest()
