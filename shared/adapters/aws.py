"""Clients of AWS, by botocore alone: boto3's resources and transfers are nothing anybody uses."""

from functools import cache
from typing import Any

from botocore.config import Config
from botocore.session import Session, get_session


def client(service: str, endpoint_url: str | None, config: Config) -> Any:
    """A client of `service` with the credentials and the region of the environment."""
    return _session().create_client(service, endpoint_url=endpoint_url, config=config)


@cache
def _session() -> Session:
    """One of a process: what it reads of AWS's regions is slow to read twice."""
    return get_session()
