"""deploy.PostStatus: tell the Git provider how the deployment has ended."""

from shared import bootstrap
from shared.runtime.tasks import AttemptInput, task
from shared.usecases.reporting import send_report_of


@task
def handler(given: AttemptInput) -> None:
    send_report_of(
        given.organization_id,
        given.deployment_id,
        uow=bootstrap.unit_of_work(),
        reach=bootstrap.git_access(),
        at=bootstrap.addresses(),
    )
