"""Operation migrate: bring the schema forward, as far as the release that serves allows."""

from pydantic import BaseModel

from infra.migrations.releases import Report, migrate
from shared import VERSION, bootstrap
from shared.runtime.operations import operation


class Input(BaseModel):
    """`everything` refuses when a migration has to wait; without it, what may run now runs."""

    dry_run: bool = False
    everything: bool = True


@operation
def handler(given: Input) -> Report:
    """The code that runs here is the code that serves: a stack is deployed as a whole."""
    return migrate(
        bootstrap.engine(), serving=VERSION, everything=given.everything, dry_run=given.dry_run
    )
