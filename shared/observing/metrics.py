"""Metrics as lines in CloudWatch's embedded metric format: CloudWatch reads them from the log.

One JSON object a line, by its specification "Embedded Metric Format". Nothing is called and
nothing is buffered: an invocation that is cut off has said what it had counted.
"""

import json
import sys
from collections.abc import Mapping
from time import time
from typing import Any, Final

from shared import bootstrap
from shared.observing.fields import known

NAMESPACE: Final = "ClickToDeploy"
STAGE: Final = "Stage"
"""Every metric has this dimension; some have one more."""
COUNT: Final = "Count"
SECONDS: Final = "Seconds"


def count(name: str, value: float = 1, **dimensions: str) -> None:
    """That many times more, or that many there are."""
    _emit(name, value, COUNT, dimensions)


def seconds(name: str, value: float, **dimensions: str) -> None:
    """How long something took."""
    _emit(name, round(max(value, 0.0), 3), SECONDS, dimensions)


def document(
    name: str, value: float, unit: str, dimensions: Mapping[str, str], at: float
) -> dict[str, Any]:
    """The object that says so; `at` is in seconds since 1970. Ids lie beside it to be searched."""
    metric = {
        "Namespace": NAMESPACE,
        "Dimensions": [list(dimensions)],
        "Metrics": [{"Name": name, "Unit": unit}],
    }
    about = {"Timestamp": int(at * 1000), "CloudWatchMetrics": [metric]}
    return {"_aws": about, **known(), **dimensions, name: value}


def _emit(name: str, value: float, unit: str, dimensions: Mapping[str, str]) -> None:
    settings = bootstrap.settings()
    if settings.emits_metrics:
        said = document(name, value, unit, {STAGE: settings.stage, **dimensions}, time())
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()
