"""POST /webhooks/gitlab"""

from shared import bootstrap
from shared.domain.git import Provider
from shared.domain.ids import now
from shared.runtime.webhooks import webhook
from shared.usecases.intake import Incoming, Receipt, receive


@webhook(Provider.GITLAB)
def handler(incoming: Incoming) -> Receipt:
    return receive(
        incoming,
        known=bootstrap.known_hooks(),
        arrivals=bootstrap.arrivals(),
        uow=bootstrap.unit_of_work(),
        vault=bootstrap.vault(),
        at=now(),
    )
