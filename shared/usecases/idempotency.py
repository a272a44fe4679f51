"""What happens to a request that carries an idempotency key, before and after it runs."""

from dataclasses import replace
from typing import Final
from uuid import UUID

from shared.domain.errors import Conflict, RateLimited, Transient
from shared.domain.idempotency import KEPT, ONCE, STALE, Answer, IdempotencyKey, KeyState
from shared.domain.ids import new_id, now
from shared.ports.idempotency import IdempotencyKeys
from shared.ports.secrets import Vault

_NOT_KEPT: Final = frozenset({401, 403, 413, RateLimited.status})
"""Answers about the caller or the moment, not about the request."""


def begin(
    organization_id: UUID,
    actor_id: str,
    key: str,
    request_hash: str,
    *,
    keys: IdempotencyKeys,
    vault: Vault,
) -> IdempotencyKey | Answer:
    """Claim the key for this request, or the answer that an equal request got before.

    Raises Conflict when the key belongs to another request, to one that still runs, to one whose
    answer was lost after its change was made, or to a secret that is not shown again.
    """
    fresh = IdempotencyKey(
        id=new_id(),
        organization_id=organization_id,
        actor_id=actor_id,
        key=key,
        request_hash=request_hash,
        state=KeyState.RUNNING,
        created_at=now(),
        claimed_at=now(),
    )
    if keys.add(fresh):
        return fresh
    found = keys.find(organization_id, actor_id, key)
    if found is None:
        raise Transient("the key was forgotten this moment: try again")
    if found.created_at < now() - KEPT:
        return _take_over(found, replace(fresh, id=found.id), keys)
    if found.request_hash != request_hash:
        raise Conflict("this Idempotency-Key was used for another request: choose a new one")
    return _again(found, keys, vault)


def _again(found: IdempotencyKey, keys: IdempotencyKeys, vault: Vault) -> IdempotencyKey | Answer:
    if found.state is KeyState.ANSWERED:
        return _answer(found, vault)
    alive = found.claimed_at >= now() - STALE
    if found.state is KeyState.COMMITTED and alive:
        raise Conflict(
            f"this request was carried out ({found.what_was_done}) and its answer is being "
            "written: ask again",
            retry_after=1,
        )
    if found.state is KeyState.COMMITTED:
        raise Conflict(
            f"this request was carried out ({found.what_was_done}), but its answer was lost: "
            "look at what is there before you ask again with a new Idempotency-Key"
        )
    if not alive:
        return _take_over(found, replace(found, claimed_at=now()), keys)
    raise Conflict("a request with this Idempotency-Key is still running", retry_after=1)


def _take_over(
    found: IdempotencyKey, wanted: IdempotencyKey, keys: IdempotencyKeys
) -> IdempotencyKey:
    """The dead or expired attempt's key, for one of those who want it now."""
    mine = replace(wanted, attempt=found.attempt + 1)
    if keys.take_over(mine, found.attempt):
        return mine
    raise Conflict("a request with this Idempotency-Key is still running", retry_after=1)


def _answer(found: IdempotencyKey, vault: Vault) -> Answer:
    answered_at = found.answered_at or found.claimed_at
    if found.sealed_body is None or (found.shown_once and answered_at < now() - ONCE):
        raise Conflict(
            f"this request was carried out ({found.what_was_done}), and the secret in its answer "
            "is shown once: make a new one"
        )
    body = vault.open(found.sealed_body, answer_context(found)).encode("latin-1")
    return Answer(found.status or 200, found.headers or {}, body, found.shown_once)


def finish(key: IdempotencyKey, answer: Answer, *, keys: IdempotencyKeys, vault: Vault) -> None:
    """Keep the answer for whoever repeats the request; not a failure, which may be repeated.

    A failure after the change was made leaves the key committed: its repetition is told so.
    """
    if answer.status >= 500 or answer.status in _NOT_KEPT:
        keys.release(key.claim)
        return
    keys.answer(
        replace(
            key,
            state=KeyState.ANSWERED,
            answered_at=now(),
            status=answer.status,
            headers=answer.headers,
            # every byte is one character: the vault seals text
            sealed_body=vault.seal(answer.body.decode("latin-1"), answer_context(key)),
            shown_once=answer.shown_once,
        )
    )


def prune(*, keys: IdempotencyKeys) -> int:
    """Forget what is not replayed any more; how many keys went."""
    keys.forget_secrets_everywhere(now() - ONCE)
    return keys.prune_everywhere(now() - KEPT)


def answer_context(key: IdempotencyKey) -> str:
    """What a stored answer is sealed for."""
    return f"idempotency:{key.organization_id}:{key.id}"
