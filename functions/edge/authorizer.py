"""edge.authorizer - lets through what is signed by the issuer or has the shape of an API token."""

from collections.abc import Mapping
from typing import Any

from shared import bootstrap
from shared.observing.invocations import observed
from shared.runtime.authorizer import may_pass


@observed
def handler(event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
    """API Gateway's simple answer, for payload format 2.0."""
    machine_token = bootstrap.settings().api_token
    return {"isAuthorized": may_pass(event, machine_token, bootstrap.access_tokens)}
