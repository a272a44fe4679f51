"""Which actions of AWS a function takes: its handler called here, its calls of AWS written down."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final
from unittest.mock import patch

from shared import bootstrap
from shared.adapters import aws
from shared.adapters.local_lambda import LocalContext
from shared.settings import settings

PREFIX: Final = {"stepfunctions": "states", "sqs": "sqs", "kms": "kms"}
_NAMED: Final = ("QueueUrl", "stateMachineArn", "executionArn", "KeyId")


@dataclass
class Taken:
    """Actions with what each was asked of, in order."""

    actions: list[tuple[str, str]] = field(default_factory=list)

    def note(self, model: Any, params: Mapping[str, Any], **_: Any) -> None:
        service = model.service_model.service_name
        asked = json.loads(params["body"] or b"{}")
        resource = next((str(asked[name]) for name in _NAMED if name in asked), "")
        self.actions.append((f"{PREFIX[service]}:{model.name}", resource))


@contextmanager
def instance(environment: Mapping[str, str]) -> Iterator[Taken]:
    """What a new instance of a function has: settings of its own, and nothing remembered."""
    made = Taken()
    given = {**environment, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    with patch.dict(os.environ, {"AWS_DEFAULT_REGION": "us-east-1", **given}):
        forget()
        aws._session().register("before-call", made.note)
        try:
            yield made
        finally:
            bootstrap.engine().dispose()
            forget()


def forget() -> None:
    settings.cache_clear()
    aws._session.cache_clear()
    for name in dir(bootstrap):
        clear = getattr(getattr(bootstrap, name), "cache_clear", None)
        if clear is not None:
            clear()


def call(function: str, event: Mapping[str, Any]) -> Any:
    handler = import_module(f"functions.{function}").handler
    return handler(dict(event), LocalContext(function))
