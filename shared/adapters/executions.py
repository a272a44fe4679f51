"""Executions of Step Functions: their ARNs, and where AWS's console shows them. Needs no client."""

import json
from functools import lru_cache
from typing import Final

_CONSOLES: Final = {
    "aws": "https://{region}.console.aws.amazon.com",
    "aws-cn": "https://{region}.console.amazonaws.cn",
    "aws-us-gov": "https://{region}.console.amazonaws-us-gov.com",
}
"""By partition; in others nobody outside reaches one."""
_NAMED: Final = 7
"""Parts of a state machine's ARN; further ones are an alias or a version."""


def execution_arn(machine_arn: str, execution: str) -> str:
    """Of an execution by its name. Whatever alias started it, it belongs to the machine."""
    parts = machine_arn.split(":")[:_NAMED]
    parts[5] = "execution"
    return ":".join([*parts, execution])


def console_url(arns: str, machine: str, execution: str) -> str | None:
    """Where a person sees the execution state by state; `arns` is `{"machine": ARN}` as JSON.

    None for a machine that is not among them, and where the console has no public address.
    """
    arn = _machines(arns).get(machine)
    if arn is None or len(arn.split(":")) < _NAMED:
        return None
    _, partition, _, region, *_ = arn.split(":")
    if partition not in _CONSOLES:
        return None
    home = f"{_CONSOLES[partition].format(region=region)}/states/home?region={region}"
    return f"{home}#/v2/executions/details/{execution_arn(arn, execution)}"


@lru_cache(maxsize=1)
def _machines(arns: str) -> dict[str, str]:
    known: dict[str, str] = json.loads(arns or "{}")
    return known
