"""What became of a webhook's request, wherever it was taken in."""

from shared.domain.errors import PlatformError
from shared.domain.git import Provider
from shared.observing import metrics
from shared.observing.lines import Log
from shared.observing.subjects import about_delivery
from shared.usecases.intake import Receipt

log = Log(__name__)


def taken(receipt: Receipt) -> None:
    """Stored, now or before."""
    delivery = receipt.delivery
    about_delivery(delivery)
    duplicate, verdict = receipt.duplicate, delivery.verdict
    log.info("delivery taken", event=delivery.event, duplicate=duplicate, verdict=verdict)
    metrics.count("WebhooksReceived", Provider=delivery.provider)


def refused(provider: Provider, error: PlatformError) -> None:
    """Nothing that it claims is believed, so nothing of it is written."""
    name = type(error).__name__
    log.warning("delivery refused", provider=provider, error=name, reason=error.reason)
    metrics.count("WebhooksRejected", Provider=provider)
