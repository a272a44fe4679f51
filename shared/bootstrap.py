"""The composition root: the only module that knows which adapter serves which port.

Imports are local on purpose: a function pays for an adapter only if it asks for it.
"""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from shared.settings import Settings, settings

if TYPE_CHECKING:
    from datetime import timedelta

    from sqlalchemy import Engine

    from shared.adapters.dbos.engine import DbosWorkflows
    from shared.adapters.oidc.access_tokens import AccessTokens
    from shared.domain.audit import Act
    from shared.domain.git import Provider
    from shared.domain.services import SlotRange
    from shared.ports.compute import Cloud, Compute, Images, Names, Networks
    from shared.ports.git import GitProvider
    from shared.ports.glances import Glances
    from shared.ports.idempotency import IdempotencyKeys
    from shared.ports.queues import Arrivals, Consumable
    from shared.ports.secrets import RotatingVault
    from shared.ports.store import UnitOfWork
    from shared.ports.workflows import Workflows
    from shared.usecases.addresses import Addresses
    from shared.usecases.building import BuildPolicy
    from shared.usecases.connections import Access
    from shared.usecases.health import Check
    from shared.usecases.known_hooks import KnownHooks
    from shared.usecases.limits import Limiter
    from shared.usecases.naming import SettledNames
    from shared.usecases.preview_following import PreviewPolicy

__all__ = ["Settings", "settings"]


@cache
def engine() -> "Engine":
    from shared.adapters.postgres.engine import configured

    return configured(settings())


def unit_of_work(act: "Act | None" = None) -> "UnitOfWork":
    """A transaction; with `act` its first change is written into the audit log."""
    from shared.adapters.postgres.unit_of_work import SqlUnitOfWork

    return SqlUnitOfWork(engine(), act=act)


def glance() -> "UnitOfWork":
    """For a single statement that only reads: two round trips less than a transaction."""
    from shared.adapters.postgres.unit_of_work import SqlUnitOfWork

    return SqlUnitOfWork(engine(), single=True)


def glances() -> "Glances":
    """Glances in a thread; the local platform has some of its own that need none."""
    from shared.adapters.postgres.glances import ThreadGlances

    return ThreadGlances(glance)


@cache
def limiter() -> "Limiter":
    """What this process holds of the rate limits that all instances share."""
    from shared.adapters.postgres.limits import LimitWindows
    from shared.usecases.limits import Limiter

    return Limiter(LimitWindows(engine()))


def idempotency_keys() -> "IdempotencyKeys":
    from shared.adapters.postgres.idempotency import StoredKeys

    return StoredKeys(engine())


@cache
def vault() -> "RotatingVault":
    """Master keys are in KMS when a key of it is named, else in files; those are read anyway."""
    given = settings()
    if given.kms_key_id:
        from shared.adapters.kms import kms_vault

        return kms_vault(given.kms_key_id, given.aws_endpoint_url, given.platform_id, given.keys)
    from shared.adapters.vault import vault_of

    return vault_of(given.keys)


@cache
def access_tokens() -> "AccessTokens | None":
    """What checks access tokens: of the identity provider, or of this machine's own issuer."""
    from shared.adapters.oidc.making import configured

    return configured(settings())


@cache
def dbos() -> "DbosWorkflows":
    """The engine of one machine; the platform launches and closes it."""
    from shared.adapters.asl.loading import load_folder
    from shared.adapters.dbos.engine import DbosWorkflows
    from shared.adapters.local_lambda import invoke, no_queue
    from shared.machines import FOLDER, substitutions

    machines = load_folder(FOLDER, substitutions(settings().timeouts))
    return DbosWorkflows(settings().database_url, machines, invoke, no_queue)


@cache
def workflows() -> "Workflows":
    if settings().workflows == "dbos":
        return dbos()
    from shared.adapters.step_functions import step_functions

    return step_functions(settings().state_machine_arns, settings().aws_endpoint_url)


@cache
def git_provider(provider: "Provider") -> "GitProvider":
    """The configured server of a provider. Raises Invalid when this platform has none."""
    from shared.adapters.git.configured import configured

    return configured(provider, settings())


def git_access() -> "Access":
    """The way to connected accounts, with transactions of its own: one per caller."""
    from shared.usecases.connections import Access

    return Access(unit_of_work(), vault(), git_provider)


def preview_policy() -> "PreviewPolicy":
    from datetime import timedelta

    from shared.usecases.preview_following import PreviewPolicy

    given = settings()
    return PreviewPolicy(
        given.preview_limit, timedelta(days=given.preview_days), given.preview_sealed
    )


def addresses() -> "Addresses":
    """Where people reach the platform and the services."""
    from shared.usecases.addresses import Addresses

    return Addresses(settings().reached_at, settings().addresses)


@cache
def webhook_queue() -> "Consumable":
    """Where deliveries wait for their verdict."""
    return _queue("webhooks")


@cache
def known_hooks() -> "KnownHooks":
    """What this process knows of webhooks."""
    from shared.usecases.known_hooks import KnownHooks

    return KnownHooks()


@cache
def arrivals() -> "Arrivals":
    """Where deliveries are stored and queued."""
    from shared.usecases.arrivals import StoredThenQueued

    anyhow = StoredThenQueued(unit_of_work, webhook_queue())
    if settings().queues == "sqs":
        return anyhow
    from shared.adapters.postgres.arrivals import PostgresArrivals

    return PostgresArrivals(engine(), "webhooks", anyhow)


def forget_messages(*, days: int) -> None:
    """Drop old dead letters and what tells duplicates; SQS forgets by itself."""
    if settings().queues == "postgres":
        from shared.adapters.postgres.queues import forget

        forget(engine(), days=days)


def _queue(name: str) -> "Consumable":
    """A queue by its name: a message is tried five times, each try has its visibility timeout."""
    if settings().queues == "postgres":
        from shared.adapters.postgres.queues import PostgresQueue

        seconds = settings().timeouts.message
        return PostgresQueue(engine(), name, visibility_seconds=seconds, most_receives=5)
    from shared.adapters.sqs import sqs_queue

    return sqs_queue(name, settings().queue_urls, settings().aws_endpoint_url)


@cache
def cloud() -> "Cloud":
    """Where instances run: beside this process, or beside an agent."""
    given = settings()
    if given.computes == "agent":
        from shared.adapters.agents.cloud import configured

        return configured(unit_of_work, vault(), given)
    from shared.adapters.docker.cloud import configured as engine_of

    return engine_of(given)


def networks() -> "Networks":
    return cloud().networks


def compute() -> "Compute":
    return cloud().compute


def names() -> "Names":
    return cloud().names


def images() -> "Images":
    return cloud().images


@cache
def settled_names() -> "SettledNames":
    """What this process has made of names already."""
    from shared.usecases.naming import SettledNames

    return SettledNames()


def slots() -> "SlotRange":
    from shared.domain.services import SlotRange

    return SlotRange(settings().slot_base, settings().slot_port)


def build_policy() -> "BuildPolicy":
    from shared.usecases.building import BuildPolicy

    given = settings()
    return BuildPolicy(
        cpus=given.build_cpus,
        memory_mb=given.build_memory_mb,
        timeout_seconds=given.build_seconds,
        clone_timeout_seconds=given.clone_seconds,
        source_mb=given.source_mb,
        registry=given.registry,
        registry_insecure=given.registry_insecure,
        registry_username=given.registry_username,
        registry_password=given.registry_password,
        heartbeat_limit=given.timeouts.heartbeat,
        addresses=given.addresses,
    )


def health_checks() -> "Mapping[str, Check]":
    """What readiness asks: each answers a sentence or raises."""
    from datetime import timedelta

    from shared.usecases import health

    patience = timedelta(seconds=settings().timeouts.heartbeat)
    return {
        "postgres": lambda: health.store_answers(unit_of_work()),
        "workflows": lambda: health.engine_answers(workflows()),
        "queue": lambda: health.queue_answers(webhook_queue()),
        "engine": lambda: health.cloud_answers(compute()),
        "agents": lambda: health.agents_answer(unit_of_work(), patience),
    }


def forget_executions(older_than: "timedelta") -> int:
    """Drop ended executions from the local engine; Step Functions forgets by itself."""
    return dbos().delete_ended(older_than) if settings().workflows == "dbos" else 0
