"""The environment as one frozen model, read once; a bad value stops the process with its name."""

import os
from functools import cache
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Self
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from shared.domain.access import LOCAL_CLIENT, LOCAL_ORGANIZATION
from shared.domain.agents import Pace
from shared.domain.routes import PublicAddresses

_PREFIX = "C2D_"


def default_home() -> Path:
    """Where one machine keeps everything: root's under /var/lib, a user's under their home."""
    if os.geteuid() == 0:
        return Path("/var/lib/click-to-deploy")
    return Path.home() / ".local" / "share" / "click-to-deploy"


class Timeouts(BaseModel):
    """Seconds; every one is a definition substitution of the state machines."""

    model_config = ConfigDict(frozen=True)

    deploy: int = 6 * 3600
    lease: int = 4 * 3600
    build: int = 3600
    release: int = 3000
    pre_deploy: int = 1800
    health: int = 900
    route: int = 120
    drain: int = 900
    task: int = 120
    compensate: int = 900
    heartbeat: int = 60
    no_agent: int = 120
    message: int = 120


class Settings(BaseModel):
    """Every setting is an environment variable: `C2D_` and the field's name in capitals.

    The original system's names `DATABASE_URL`, `PORT`, `BASE_URL`, `CASDOOR_ENDPOINT` and
    `CASDOOR_CLIENT_ID` are read too, and `OS_*` as every OpenStack client has them.
    """

    model_config = ConfigDict(frozen=True)

    home: Path = Field(default_factory=default_home)
    database_url: str = "postgresql:///click_to_deploy"
    database_pool: int = 20
    api_url: str = "http://127.0.0.1:8080"
    public_url: str | None = None
    http_port: int = 7080
    domain: str = "localhost"
    scheme: str = "http"
    workflows: str = Field(default="dbos", pattern="^(dbos|step_functions)$")
    state_machine_prefix: str = ""
    state_machine_arns: str = ""
    aws_endpoint_url: str | None = None
    queues: str = Field(default="postgres", pattern="^(postgres|sqs)$")
    queue_urls: str = ""
    compute: str = Field(default="", pattern="^(|docker|agent)$")
    compute_seconds: float = Field(default=100.0, gt=0)
    kms_key_id: str | None = None
    keys_file: Path | None = None
    platform_id: str = "local"
    api_token: str | None = None
    host: str = "127.0.0.1"
    identity: str = Field(default="", pattern="^(|local|oidc|none)$", validate_default=True)
    oidc_issuer: str | None = None
    oidc_audience: str | None = None
    oidc_jwks_url: str | None = None
    oidc_organization_claim: str = "owner"
    oidc_insecure: bool = False
    agent_token: str | None = None
    agent_beat_seconds: float | None = Field(default=None, ge=0.5, le=4)
    agent_watch_seconds: float | None = Field(default=None, ge=0.5, le=20)
    agent_busy_seconds: float = Field(default=0.5, ge=0.1, le=60)
    agent_idle_seconds: float = Field(default=3, ge=0.1, le=60)
    operator_organization: UUID | None = None
    github_url: str = "https://github.com"
    github_client_id: str | None = None
    github_client_secret: str | None = None
    gitlab_url: str = "https://gitlab.com"
    gitlab_client_id: str | None = None
    gitlab_client_secret: str | None = None
    git_ca_file: str | None = None
    registry: str | None = None
    registry_username: str | None = None
    registry_password: str | None = None
    registry_insecure: bool = False
    openstack_auth_url: str | None = None
    openstack_application_credential_id: str | None = None
    openstack_application_credential_secret: str | None = Field(default=None, repr=False)
    openstack_region_name: str = ""
    openstack_interface: str = Field(default="public", pattern="^(public|internal|admin)$")
    openstack_cacert: str | None = None
    slot_base: IPv4Address = IPv4Address("127.64.0.0")
    slot_port: int = 17080
    network_pool: IPv4Network = IPv4Network("10.201.0.0/16")
    build_cpus: float = 2.0
    build_memory_mb: int = 2048
    build_seconds: int = 1800
    source_mb: int = 1024
    clone_seconds: int = 300
    keep_releases: int = 10
    preview_limit: int = Field(default=10, ge=0)
    preview_days: int = Field(default=7, ge=1)
    preview_sealed: bool = False
    log_days: int = 30
    build_cache_mb: int = 10 * 1024
    tick_seconds: float = 1.0
    stage: str = "local"
    metrics: str = Field(default="", pattern="^(|emf|off)$")
    access_log: str = Field(default="", pattern="^(|all|changes|none)$")
    cors_origins: str = ""
    allow_private_git: bool | None = None
    rate_limit_user: int = Field(default=6000, ge=0)
    rate_limit_address: int = Field(default=600, ge=0)
    rate_limit_failed: int = Field(default=60, ge=0)
    timeouts: Timeouts = Timeouts()

    @field_validator(
        "oidc_issuer", "oidc_audience", "oidc_jwks_url", "operator_organization", mode="before"
    )
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return value or None

    @field_validator("github_url", "gitlab_url", mode="before")
    @classmethod
    def _empty_is_hosted(cls, value: object, field: ValidationInfo) -> object:
        return value or cls.model_fields[field.field_name or ""].default

    @model_validator(mode="after")
    def _identity_fits(self) -> Self:
        """The local issuer knows one machine's members; on AWS an identity provider does."""
        if self.identity == "local" and self.workflows == "step_functions":
            raise ValueError("C2D_IDENTITY=local is for one machine: set C2D_OIDC_ISSUER")
        if self.identity == "local" and self.oidc_issuer:
            raise ValueError("C2D_IDENTITY=local excludes C2D_OIDC_ISSUER")
        if self.identity == "oidc" and not self.oidc_issuer:
            raise ValueError("C2D_IDENTITY=oidc needs C2D_OIDC_ISSUER")
        if self.oidc_issuer and not self.oidc_audience:
            raise ValueError("C2D_OIDC_ISSUER needs C2D_OIDC_AUDIENCE, our client id there")
        return self

    @property
    def signs_in(self) -> str:
        """Who signs people in: `oidc` (an identity provider), `local` (this machine's own issuer)
        or `none` (API tokens only)."""
        if self.identity:
            return self.identity
        if self.oidc_issuer:
            return "oidc"
        return "local" if self.workflows == "dbos" else "none"

    @property
    def computes(self) -> str:
        """What runs instances: `docker`, beside this process, or an `agent` beside the engine."""
        return self.compute or ("docker" if self.workflows == "dbos" else "agent")

    @property
    def emits_metrics(self) -> bool:
        """Whether metrics are written into the log: on AWS, where CloudWatch reads them there."""
        return (self.metrics or ("off" if self.workflows == "dbos" else "emf")) == "emf"

    @property
    def logged_requests(self) -> str:
        """Which requests have a line: `all` on AWS, on one machine `changes`, or `none`."""
        return self.access_log or ("changes" if self.workflows == "dbos" else "all")

    @property
    def sign_in(self) -> tuple[str, str] | None:
        """The issuer that signs people in and our client id there; None without one."""
        if self.signs_in == "local":
            return self.reached_at, LOCAL_CLIENT
        if self.signs_in == "none" or not self.oidc_issuer or not self.oidc_audience:
            return None
        return self.oidc_issuer, self.oidc_audience

    @property
    def issuer_keys(self) -> Path:
        """The published keys of this machine's own issuer."""
        return self.home / "keys" / "issuer" / "jwks.json"

    @property
    def agent_pace(self) -> Pace:
        """How often agents call: on one machine that costs nothing, on AWS each call does."""
        here = self.workflows == "dbos"
        return Pace(
            beat=self.agent_beat_seconds or (2.0 if here else 3.0),
            watch=self.agent_watch_seconds or (2.0 if here else 10.0),
            busy=self.agent_busy_seconds,
            idle=self.agent_idle_seconds,
            log=0.25 if here else 1.0,
        )

    @property
    def operator(self) -> UUID | None:
        """The organisation whose administrators let agents in; on AWS there is none by default."""
        local = LOCAL_ORGANIZATION if self.workflows == "dbos" else None
        return self.operator_organization or local

    @property
    def addresses(self) -> PublicAddresses:
        """How services are reached from outside."""
        return PublicAddresses(self.domain, self.scheme, self.http_port)

    @property
    def reached_at(self) -> str:
        """The API's address from outside: what browsers and webhooks use."""
        return (self.public_url or self.api_url).rstrip("/")

    @property
    def private_git(self) -> bool:
        """Whether repositories may lie in a private network: one machine has one owner."""
        if self.allow_private_git is None:
            return self.workflows == "dbos"
        return self.allow_private_git

    @property
    def cors(self) -> tuple[str, ...]:
        """Origins whose pages may call the API, from a list with commas; none by default."""
        return tuple(o.strip() for o in self.cors_origins.split(",") if o.strip())

    @property
    def keys(self) -> Path:
        return self.keys_file or self.home / "keys"


_ALIASES = {
    "database_url": "DATABASE_URL",
    "api_url": "BASE_URL",
    "oidc_issuer": "CASDOOR_ENDPOINT",
    "oidc_audience": "CASDOOR_CLIENT_ID",
    "github_client_id": "GITHUB_CLIENT_ID",
    "github_client_secret": "GITHUB_CLIENT_SECRET",
    "gitlab_url": "GITLAB_BASE_URL",
    "gitlab_client_id": "GITLAB_CLIENT_ID",
    "gitlab_client_secret": "GITLAB_CLIENT_SECRET",
    "openstack_auth_url": "OS_AUTH_URL",
    "openstack_application_credential_id": "OS_APPLICATION_CREDENTIAL_ID",
    "openstack_application_credential_secret": "OS_APPLICATION_CREDENTIAL_SECRET",
    "openstack_region_name": "OS_REGION_NAME",
    "openstack_interface": "OS_INTERFACE",
    "openstack_cacert": "OS_CACERT",
}


def read(environment: dict[str, str]) -> Settings:
    """Settings from an environment; timeouts are `C2D_TIMEOUT_<NAME>`."""
    given: dict[str, object] = {
        name: environment[key]
        for name in Settings.model_fields
        for key in (f"{_PREFIX}{name.upper()}", _ALIASES.get(name, ""))
        if key in environment and name != "timeouts"
    }
    given["timeouts"] = {
        name: environment[f"{_PREFIX}TIMEOUT_{name.upper()}"]
        for name in Timeouts.model_fields
        if f"{_PREFIX}TIMEOUT_{name.upper()}" in environment
    }
    return Settings.model_validate(given)


@cache
def settings() -> Settings:
    return read(dict(os.environ))
