"""What must be so before the API may be reached from elsewhere."""

from ipaddress import ip_address

from infra.local.errors import RefusedError
from shared.domain.access import LOCAL_ORGANIZATION
from shared.ports.store import UnitOfWork


def refuse_open_door(host: str, uow: UnitOfWork) -> None:
    """Raises RefusedError when the API would listen beyond loopback before there is an owner with
    a password: whoever comes first could become the owner."""
    if ip_address(host).is_loopback:
        return
    with uow:
        owners = uow.members.owners(LOCAL_ORGANIZATION)
    if not owners:
        raise RefusedError(
            f"C2D_HOST is {host}, but no owner has a password yet: start with C2D_HOST=127.0.0.1, "
            "set one at the address that `make up` prints, then listen beyond loopback"
        )
