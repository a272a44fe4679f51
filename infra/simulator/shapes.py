"""Error bodies: each service writes them in a way of its own."""

from collections.abc import Callable, Mapping
from typing import Final

from infra.simulator.calls import Answer, Call, Document, RefusedError

_REASONS: Final = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    409: "Conflict",
    412: "Precondition Failed",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_WORDS: Final = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    429: "overLimit",
    503: "serviceUnavailable",
}
UNAUTHENTICATED: Final = "The request you have made requires authentication."
_UNVERIFIED: Final = (
    "This server could not verify that you are authorized to access the document you requested. "
    "Either you supplied the wrong credentials (e.g., bad password), or your browser does not "
    "understand how to supply the credentials required."
)
PROXY_PAGE: Final = (
    "<html><body><h1>{status} {reason}</h1>\n"
    "No server is available to handle this request.\n</body></html>\n"
)


def reason(status: int) -> str:
    """A status in words."""
    return _REASONS.get(status, "Error")


def keystone(refused: RefusedError, _call: Call) -> Document:
    """Keystone's, and every service's when the token is not valid."""
    error = {"code": refused.status, "message": refused.message, "title": reason(refused.status)}
    return {"error": error}


def nova(refused: RefusedError, _call: Call) -> Document:
    """Nova's and Cinder's: the only key is a word for the status."""
    word = refused.kind or _WORDS.get(refused.status, "computeFault")
    fault: Document = {"code": refused.status, "message": refused.message}
    if "Retry-After" in refused.headers:
        fault["retryAfter"] = refused.headers["Retry-After"]
    return {word: fault}


def neutron(refused: RefusedError, _call: Call) -> Document:
    """Neutron's: `type` is the name of its exception."""
    kind = refused.kind or {404: "HTTPNotFound", 400: "BadRequest"}.get(refused.status, "HTTPError")
    return {"NeutronError": {"type": kind, "message": refused.message, "detail": ""}}


def designate(refused: RefusedError, call: Call) -> Document:
    """Designate's."""
    body: Document = {
        "code": refused.status,
        "type": refused.kind or reason(refused.status).lower().replace(" ", "_"),
        "request_id": call.request_id,
    }
    if refused.message and refused.status != 405:
        body["message"] = refused.message
    return body


def barbican(refused: RefusedError, _call: Call) -> Document:
    """Barbican's."""
    status = refused.status
    return {"code": status, "title": reason(status), "description": refused.message}


def glance(refused: RefusedError, _call: Call | None) -> Document:
    """Glance's, as WebOb writes it: the code is text."""
    title = reason(refused.status)
    message = f"{refused.message}<br /><br />\n\n\n"
    return {"message": message, "code": f"{refused.status} {title}", "title": title}


SHAPES: Final[Mapping[str, Callable[[RefusedError, Call], Document]]] = {
    "keystone": keystone,
    "nova": nova,
    "neutron": neutron,
    "cinder": nova,
    "designate": designate,
    "barbican": barbican,
    "glance": glance,
}


def page(status: int, message: str) -> str:
    """What Glance says to who does not ask for JSON."""
    title = f"{status} {reason(status)}"
    return (
        f"<html>\n <head>\n  <title>{title}</title>\n </head>\n <body>\n  <h1>{title}</h1>\n"
        f"  {message}<br /><br />\n\n\n\n </body>\n</html>"
    )


def refusal(service: str, refused: RefusedError, call: Call) -> Answer:
    """The answer where a service refuses."""
    if refused.body is not None:
        return Answer(refused.status, refused.body, refused.headers)
    if service == "glance" and "application/json" not in call.headers.get("accept", ""):
        html = {"Content-Type": "text/html; charset=UTF-8"}
        return Answer(refused.status, page(refused.status, refused.message), html)
    headers = dict(refused.headers)
    if service == "nova":
        headers["Content-Type"] = "application/json; charset=UTF-8"
    if service == "keystone" and refused.status == 401:
        headers["WWW-Authenticate"] = f'Keystone uri="{call.base}/identity/v3"'
    return Answer(refused.status, SHAPES[service](refused, call), headers)


def unknown(service: str) -> Document | None:
    """The body for a path that there is not, where it is not the service's usual one."""
    if service not in ("nova", "cinder"):
        return None
    return glance(RefusedError(404, "The resource could not be found."), None)


def unauthenticated(service: str, call: Call) -> Answer:
    """Any service's 401; Glance has one of its own."""
    refused = RefusedError(401, UNAUTHENTICATED)
    headers = {"WWW-Authenticate": f'Keystone uri="{call.base}/identity"'}
    if service == "glance":
        return Answer(401, glance(RefusedError(401, _UNVERIFIED), call), headers)
    return Answer(401, keystone(refused, call), headers)
