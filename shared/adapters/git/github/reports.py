"""What a GitHub commit or pull request shows of us."""

from collections.abc import Iterator
from typing import Any, Final

from shared.adapters.git.github.client import GitHubClient
from shared.adapters.git.server import PER_PAGE
from shared.domain.errors import NotFound
from shared.ports.git import Checks, Report, ReportState

_STATUS: Final = {
    ReportState.PENDING: "pending",
    ReportState.RUNNING: "pending",
    ReportState.SUCCESS: "success",
    ReportState.FAILURE: "failure",
    ReportState.CANCELLED: "error",
}
_DEPLOYMENT: Final = {
    ReportState.PENDING: "queued",
    ReportState.RUNNING: "in_progress",
    ReportState.SUCCESS: "success",
    ReportState.FAILURE: "failure",
    ReportState.CANCELLED: "inactive",
}
_DESCRIPTION: Final = 140
_MOST_PAGES: Final = 10
_FINE: Final = {"success", "neutral", "skipped"}


class GitHubReports(GitHubClient):
    __slots__ = ()

    def report(self, token: str, full_name: str, report: Report) -> str | None:
        status = {
            "state": _STATUS[report.state],
            "context": report.context,
            "description": report.description[:_DESCRIPTION],
            **({"target_url": report.target_url} if report.target_url else {}),
        }
        if not report.record_only:
            self._ask(token, "POST", self._repo(full_name, "statuses", report.sha), input=status)
        record = report.deployment_ref or self._record(token, full_name, report)
        state = {
            "state": _DEPLOYMENT[report.state],
            "description": report.description[:_DESCRIPTION],
            "auto_inactive": True,
            **({"log_url": report.target_url} if report.target_url else {}),
            **({"environment_url": report.environment_url} if report.environment_url else {}),
        }
        where = self._repo(full_name, "deployments", record, "statuses")
        self._ask(token, "POST", where, input=state)
        return record

    def _record(self, token: str, full_name: str, report: Report) -> str:
        """The deployment's record: one that an interrupted report made, else a new one."""
        where = self._repo(full_name, "deployments")
        query = {"sha": report.sha, "environment": report.environment, "per_page": PER_PAGE}
        for found in self._ask(token, "GET", where, parameters=query).body:
            payload = found.get("payload")
            if isinstance(payload, dict) and payload.get("deployment") == report.deployment:
                return str(found["id"])
        made = {
            "ref": report.sha,
            "environment": report.environment,
            "description": report.description[:_DESCRIPTION],
            "payload": {"deployment": report.deployment},
            "auto_merge": False,
            "required_contexts": [],
            "transient_environment": report.transient,
            "production_environment": not report.transient,
        }
        return str(self._ask(token, "POST", where, input=made).body["id"])

    def checks(self, token: str, full_name: str, sha: str, *, ours: str) -> Checks:
        said = [
            "passed" if each["state"] == "success" else each["state"]
            for each in self._listed(token, full_name, sha, "status", "statuses")
            if not each["context"].startswith(ours)
        ]
        for run in self._listed(token, full_name, sha, "check-runs", "check_runs"):
            if run["status"] != "completed":
                said.append("pending")
            else:
                said.append("passed" if run.get("conclusion") in _FINE else "failure")
        return _verdict(said)

    def _listed(
        self, token: str, full_name: str, sha: str, kind: str, field: str
    ) -> Iterator[dict[str, Any]]:
        for page in range(1, _MOST_PAGES + 1):
            query = {"per_page": PER_PAGE, "page": page}
            where = self._repo(full_name, "commits", sha, kind)
            found = self._ask(token, "GET", where, parameters=query).body[field]
            yield from found
            if len(found) < PER_PAGE:
                return

    def comment(
        self, token: str, full_name: str, number: int, text: str, comment: str | None
    ) -> str:
        if comment is not None:
            where = self._repo(full_name, "issues/comments", comment)
            try:
                self._ask(token, "PATCH", where, input={"body": text})
            except NotFound:
                return self.comment(token, full_name, number, text, None)
            return comment
        where = self._repo(full_name, "issues", str(number), "comments")
        return str(self._ask(token, "POST", where, input={"body": text}).body["id"])


def _verdict(said: list[str]) -> Checks:
    if not said:
        return Checks.NONE
    if any(each in {"failure", "error"} for each in said):
        return Checks.FAILED
    return Checks.PENDING if "pending" in said else Checks.PASSED
