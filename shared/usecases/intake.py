"""Taking deliveries in: prove where they come from, store each once, queue it, answer at once."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs

from shared.domain.errors import Invalid, NotFound, PlatformError, TooLarge, Unauthenticated
from shared.domain.events import Event, OtherEvent
from shared.domain.git import GitHook, Provider
from shared.domain.ids import new_id
from shared.domain.incoming import github, gitlab
from shared.domain.incoming.fields import Fields
from shared.domain.incoming.request import Incoming
from shared.domain.incoming.stored import stored
from shared.domain.webhooks import Delivery, Verdict
from shared.ports.queues import Arrivals, PromptArrivals
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork
from shared.usecases.known_hooks import KnownHooks, secret_context

__all__ = ["Incoming", "Receipt", "answer_of", "receive", "secret_context"]

BODY_LIMIT: Final = 25 * 1024 * 1024
"""Bytes. GitHub sends no more, and nothing longer is read."""
REFUSALS_A_MINUTE: Final = 5
"""How many deliveries without a proof are stored per hook: anybody can send them."""
_WRONG: Final = {
    Provider.GITHUB: "the signature is not one of this webhook's secret",
    Provider.GITLAB: "the token is not this webhook's secret",
}


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is answered: the stored row, and whether it had been stored before."""

    delivery: Delivery
    duplicate: bool


def receive(
    incoming: Incoming,
    *,
    known: KnownHooks,
    arrivals: Arrivals,
    uow: UnitOfWork,
    vault: Vault,
    at: datetime,
) -> Receipt:
    """Store a delivery once and queue it for its verdict; one that came before changes nothing.

    Raises NotFound for an unknown hook, Unauthenticated for a wrong signature or token, TooLarge;
    the last two are stored as rejected, a few per minute.
    """
    hook = known.proving(incoming, at)
    if hook is None:
        with uow:
            hooks = known.read(incoming, uow, vault, at)
        hook = known.proving(incoming, at)
    if hook is None:
        with uow:
            for each in hooks:
                _keep_refused(incoming, each, uow, at)
        raise _refusal(incoming, known=bool(hooks))
    try:
        delivery, is_new = arrivals.take(_delivery(incoming, hook, at))
    except NotFound:
        known.forget(incoming)
        raise
    return Receipt(delivery, duplicate=not is_new)


async def receive_promptly(
    incoming: Incoming,
    *,
    known: KnownHooks,
    arrivals: PromptArrivals,
    otherwise: Callable[[], Awaitable[Receipt]],
    at: datetime,
) -> Receipt:
    """`receive` without a thread where the hook is known and the delivery new; `otherwise` is the
    whole of it, asked where anything is unusual."""
    hook = known.proving(incoming, at)
    if hook is not None:
        delivery = _delivery(incoming, hook, at)
        with suppress(PlatformError):
            if await arrivals.take_new(delivery):
                return Receipt(delivery, duplicate=False)
    return await otherwise()


def answer_of(receipt: Receipt) -> dict[str, Any]:
    """What the provider shows of our answer."""
    delivery = receipt.delivery
    return {
        "id": str(delivery.id),
        "state": delivery.verdict or "waiting",
        "reason": delivery.reason,
        "duplicate": receipt.duplicate,
    }


def _refusal(incoming: Incoming, *, known: bool) -> Exception:
    if not known:
        return NotFound("this webhook is not known here (any more)")
    if incoming.body is None:
        return TooLarge(f"a delivery has at most {BODY_LIMIT // 1024 // 1024} MB")
    return Unauthenticated(_WRONG[incoming.provider])


def _delivery(incoming: Incoming, hook: GitHook, at: datetime) -> Delivery:
    """The row of a proven delivery; what needs no decision has its verdict at once."""
    body = incoming.body or b""
    made = _row(incoming, hook, _delivery_id(incoming, hook, body), at)
    try:
        payload = Fields(_document(incoming, body))
        event = _event(incoming, hook, payload)
    except Invalid as error:
        return made.decided(Verdict.REJECTED, error.reason, at)
    made = replace(made, payload={"event": stored(event)})
    if isinstance(event, OtherEvent):
        return made.decided(Verdict.SKIPPED, event.why, at)
    return replace(made, queued_at=at, attempt=1)


def _row(incoming: Incoming, hook: GitHook, delivery_id: str, at: datetime) -> Delivery:
    return Delivery(
        id=new_id(),
        organization_id=hook.organization_id,
        hook_id=hook.id,
        connection_id=hook.connection_id,
        provider=incoming.provider,
        delivery_id=delivery_id,
        event=incoming.event,
        repository_id=hook.repository_id,
        payload={},
        created_at=at,
    )


def _delivery_id(incoming: Incoming, hook: GitHook, body: bytes) -> str:
    given = incoming.given_id
    if given is not None and len(given) <= 100:
        return given
    return "sha256-" + hashlib.sha256(hook.id.bytes + body).hexdigest()


def _document(incoming: Incoming, body: bytes) -> Any:
    """The payload; GitHub can be told to send it as a form. Raises Invalid."""
    if incoming.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        form = parse_qs(body.decode("utf-8", "replace"), max_num_fields=100)
        body = form.get("payload", [""])[0].encode()
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Invalid("the body is not JSON") from error
    return document


def _event(incoming: Incoming, hook: GitHook, payload: Fields) -> Event:
    if incoming.provider is Provider.GITHUB:
        about, name = github.repository(payload)
    else:
        about, name = gitlab.repository(payload)
    if about and about != hook.repository_id:
        return OtherEvent(f"it is about another repository ({name or about}) than the webhook's")
    read = github.read if incoming.provider is Provider.GITHUB else gitlab.read
    return read(incoming.event, payload)


def _keep_refused(incoming: Incoming, hook: GitHook, uow: UnitOfWork, at: datetime) -> None:
    """Store what came, without its content. The ids of a minute are few: so are its rows.

    The id it claims stays free: the same delivery may come again with a good signature.
    """
    minute = f"refused-{at:%Y%m%dT%H%M}"
    ids = [f"{minute}-{number}" for number in range(REFUSALS_A_MINUTE)]
    known = uow.deliveries.known(hook.organization_id, hook.id, ids)
    free = next((each for each in ids if each not in known), None)
    if free is None:
        return
    reason = _refusal(incoming, known=True)
    claimed = {"claimed_id": (incoming.given_id or "")[:128]}
    row = replace(_row(incoming, hook, free, at), payload=claimed)
    uow.deliveries.record(row.decided(Verdict.REJECTED, str(reason), at))
