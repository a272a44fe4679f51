"""All clients of one OpenStack project over one session."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.adapters.openstack.barbican import Barbican
from shared.adapters.openstack.cinder import Cinder
from shared.adapters.openstack.designate import Designate
from shared.adapters.openstack.glance import Glance
from shared.adapters.openstack.keystone import Access
from shared.adapters.openstack.neutron import Neutron
from shared.adapters.openstack.nova import Nova
from shared.adapters.openstack.security_groups import SecurityGroups
from shared.adapters.openstack.session import Session
from shared.adapters.openstack.waiting import Waits
from shared.domain.errors import Invalid
from shared.ports.breakers import Breakers

if TYPE_CHECKING:
    from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class OpenStack:
    """The services of one project; the session is theirs together."""

    session: Session
    nova: Nova
    neutron: Neutron
    security_groups: SecurityGroups
    cinder: Cinder
    designate: Designate
    barbican: Barbican
    glance: Glance


def clients_of(session: Session, waits: Waits = Waits()) -> OpenStack:
    """The clients; nothing is called yet."""
    return OpenStack(
        session=session,
        nova=Nova(session, waits),
        neutron=Neutron(session, waits),
        security_groups=SecurityGroups(session),
        cinder=Cinder(session, waits),
        designate=Designate(session, waits),
        barbican=Barbican(session),
        glance=Glance(session),
    )


def access_of(settings: "Settings") -> Access:
    """Where OpenStack is and who we are there. Raises Invalid when that is not (all) set."""
    given = (
        settings.openstack_auth_url,
        settings.openstack_application_credential_id,
        settings.openstack_application_credential_secret,
    )
    url, credential_id, secret = given
    if not url or not credential_id or not secret:
        raise Invalid(
            "OpenStack is not configured: set OS_AUTH_URL, OS_APPLICATION_CREDENTIAL_ID and "
            "OS_APPLICATION_CREDENTIAL_SECRET"
        )
    return Access(
        url,
        credential_id,
        secret,
        region=settings.openstack_region_name,
        interface=settings.openstack_interface,
        ca_file=settings.openstack_cacert,
    )


def configured(settings: "Settings", breakers: Breakers) -> OpenStack:
    """The clients of the configured project. Raises Invalid when there is none."""
    return clients_of(Session(access_of(settings), breakers))
