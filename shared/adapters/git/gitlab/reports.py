"""What a GitLab commit or merge request shows of us."""

from typing import Any, Final

from shared.adapters.git.gitlab.client import GitLabClient
from shared.adapters.git.server import PER_PAGE
from shared.domain.errors import Invalid, NotFound
from shared.ports.git import Checks, Report, ReportState

_STATUS: Final = {
    ReportState.PENDING: "pending",
    ReportState.RUNNING: "running",
    ReportState.SUCCESS: "success",
    ReportState.FAILURE: "failed",
    ReportState.CANCELLED: "canceled",
}
_DESCRIPTION: Final = 255
_OPEN: Final = {"created", "running"}
_WAITING: Final = {"created", "pending", "preparing", "running", "waiting_for_resource"}
_IGNORED: Final = {"manual", "skipped", "scheduled"}


class GitLabReports(GitLabClient):
    __slots__ = ()

    def report(self, token: str, full_name: str, report: Report) -> str | None:
        status = {
            "state": _STATUS[report.state],
            "name": report.context,
            "description": report.description[:_DESCRIPTION],
            **({"target_url": report.target_url} if report.target_url else {}),
        }
        if not report.record_only:
            self._told(token, "post", self._project(full_name, "statuses", report.sha), status)
        # a deployment of GitLab's is at least running
        state = _STATUS[report.state].replace("pending", "running")
        record = report.deployment_ref or self._open_record(token, full_name, report)
        if record is None:
            record = self._record(token, full_name, report, state)
        else:
            where = self._project(full_name, "deployments", record)
            self._told(token, "put", where, {"status": state})
        if report.state is ReportState.SUCCESS and report.environment_url:
            self._show(token, full_name, report.environment, report.environment_url)
        return record

    def _told(self, token: str, verb: str, where: str, given: dict[str, Any]) -> None:
        """Saying again what GitLab knows is refused there, and fine here."""
        try:
            self._ask(token, verb, where, given=given)
        except Invalid as error:
            if "cannot transition" not in str(error).lower():
                raise

    def _record(self, token: str, full_name: str, report: Report, state: str) -> str:
        made = {
            "environment": report.environment,
            "sha": report.sha,
            "ref": report.ref or report.sha,
            "tag": False,
            "status": state,
        }
        where = self._project(full_name, "deployments")
        return str(self._ask(token, "post", where, given=made).body["id"])

    def _open_record(self, token: str, full_name: str, report: Report) -> str | None:
        """One that an interrupted report made: of this commit, not ended."""
        query = {"environment": report.environment, "order_by": "id", "sort": "desc"}
        where = self._project(full_name, "deployments")
        for found in self._ask(token, "get", where, {**query, "per_page": 20}).body:
            if found["sha"] == report.sha and found["status"] in _OPEN:
                return str(found["id"])
        return None

    def _show(self, token: str, full_name: str, name: str, url: str) -> None:
        """The environment's link to what was deployed."""
        where = self._project(full_name, "environments")
        for found in self._ask(token, "get", where, {"name": name}).body:
            if found.get("external_url") != url:
                self._ask(token, "put", f"{where}/{found['id']}", given={"external_url": url})

    def checks(self, token: str, full_name: str, sha: str, *, ours: str) -> Checks:
        where = self._project(full_name, "repository/commits", sha, "statuses")
        said = [
            each["status"]
            for each in self._ask(token, "get", where, {"per_page": PER_PAGE}).body
            if not each["name"].startswith(ours)
            and not each.get("allow_failure")
            and each["status"] not in _IGNORED
        ]
        if not said:
            return Checks.NONE
        if any(each in {"failed", "canceled"} for each in said):
            return Checks.FAILED
        return Checks.PENDING if _WAITING & set(said) else Checks.PASSED

    def comment(
        self, token: str, full_name: str, number: int, text: str, comment: str | None
    ) -> str:
        where = self._project(full_name, "merge_requests", str(number), "notes")
        if comment is not None:
            try:
                self._ask(token, "put", f"{where}/{comment}", given={"body": text})
            except NotFound:
                return self.comment(token, full_name, number, text, None)
            return comment
        return str(self._ask(token, "post", where, given={"body": text}).body["id"])
