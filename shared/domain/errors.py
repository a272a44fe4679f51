"""Every way the platform can refuse, as one flat tree.

    PlatformError
    ├── BadRequest 400 · Unauthenticated 401 · Forbidden 403 · NotFound 404
    ├── Conflict 409 · Gone 410 · PreconditionFailed 412 · TooLarge 413 · Invalid 422
    ├── RateLimited 429 · Transient 503
    └── what ends a deployment: Cancelled, Superseded, BuildFailed, HealthCheckFailed, …

The class name is the contract: HTTP renders it as the problem type, Step Functions match it
exactly in Retry and Catch (never by base class), so nothing here has subclasses but the root.
"""

from typing import ClassVar


class PlatformError(Exception):
    """Base of every error raised on purpose; its text is a sentence a person can act on."""

    status: ClassVar[int] = 500

    def __init__(self, *reason: object, retry_after: int | None = None) -> None:
        """`retry_after`: seconds after which the same request may succeed, where that is known."""
        super().__init__(*reason)
        self.retry_after = retry_after

    @property
    def reason(self) -> str:
        """The sentence, without the class name."""
        return str(self)


class BadRequest(PlatformError):
    status = 400


class Unauthenticated(PlatformError):
    status = 401


class Forbidden(PlatformError):
    status = 403


class NotFound(PlatformError):
    status = 404


class Conflict(PlatformError):
    status = 409


class Gone(PlatformError):
    """A job, token or execution that has ended and takes no more answers."""

    status = 410


class PreconditionFailed(PlatformError):
    status = 412


class TooLarge(PlatformError):
    status = 413


class Invalid(PlatformError):
    status = 422


class AccessLost(PlatformError):
    """A Git provider no longer accepts the connection's token, or no longer shows a repository."""

    status = 409


class RateLimited(PlatformError):
    status = 429


class Transient(PlatformError):
    """Worth retrying unchanged: throttling, timeouts, a dependency that is down."""

    status = 503


class TokenExpired(PlatformError):
    """The workflow no longer waits for this answer."""

    status = 410


class StaleFence(PlatformError):
    """A newer deployment holds the service's lease; this one must not touch anything."""

    status = 409


class StaleGeneration(PlatformError):
    """A newer routing table has been applied already."""

    status = 409


class QuotaExceeded(PlatformError):
    status = 409


class InUse(PlatformError):
    """Something else still holds it; it can go, or be taken, once that has let go."""

    status = 409


class DiskFull(PlatformError):
    status = 507


class Cancelled(PlatformError):
    """A person asked for it to stop."""


class Superseded(PlatformError):
    """A newer deployment of the same service took its place."""


class SourceNotFound(PlatformError):
    """The repository, branch, tag or commit is not there."""


class SourceDenied(PlatformError):
    """The repository is there, or may be, but the credentials do not open it."""


class SourceTooLarge(PlatformError):
    """The clone went over its limit of size or time."""


class NothingDetected(PlatformError):
    """Nothing in the source says how to build or run it."""


class BuildFailed(PlatformError):
    """The user's code does not build. Never retried by itself."""


class BuildTimedOut(PlatformError):
    """The build went over its time limit and was stopped."""


class BuildOutOfMemory(PlatformError):
    """The build went over its memory limit and was killed."""


class RegistryFailed(PlatformError):
    """The registry refused the image or its credentials."""


class ImageNotFound(PlatformError):
    """The image of a release is no longer stored."""


class PreDeployFailed(PlatformError):
    """The pre-deploy command ended with an error; nothing was switched."""


class InstanceFailed(PlatformError):
    """The instance could not be created or started."""


class HealthCheckFailed(PlatformError):
    """The new version never became healthy; the old one keeps serving."""


class RouteFailed(PlatformError):
    """The public route could not be switched, or did not answer from the new version."""


class AgentLost(PlatformError):
    """The agent that held a job stopped answering."""
