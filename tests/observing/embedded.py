"""The rules of CloudWatch's embedded metric format, by its specification."""

import json
import math
from collections.abc import Iterator
from typing import Any

_SIZES = [
    f"{size}{what}" for size in ("Kilo", "Mega", "Giga", "Tera") for what in ("bytes", "bits")
]
_SIZES += ["Bytes", "Bits"]
UNITS = {"Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "None", "Count/Second"}
UNITS |= {*_SIZES, *(f"{size}/Second" for size in _SIZES)}
MOST_BYTES = 256 * 1024
MOST_METRICS = 100
MOST_VALUES = 100
MOST_DIMENSIONS = 30
TWO_WEEKS, TWO_HOURS = 14 * 24 * 3600, 2 * 3600


def violations(line: str, at: float) -> Iterator[str]:
    """Why CloudWatch would take no metric, or a wrong one, from this line; `at` is now."""
    if len(line.encode()) > MOST_BYTES:
        yield "too long"
    root = json.loads(line)
    about = root.get("_aws")
    if not isinstance(about, dict):
        yield "no object _aws"
        return
    if set(about) - {"Timestamp", "CloudWatchMetrics", "LogGroupName", "LogStreamName"}:
        yield "unknown members of _aws"
    stamp = about.get("Timestamp")
    if type(stamp) is not int:
        yield "the timestamp is no whole number"
    elif not at - TWO_WEEKS <= stamp / 1000 <= at + TWO_HOURS:
        yield "the timestamp is not in milliseconds, or out of the time that is taken"
    directives = about.get("CloudWatchMetrics")
    if not isinstance(directives, list) or not directives:
        yield "no metric directives"
        return
    for directive in directives:
        yield from _directive(directive, root)


def _directive(directive: dict[str, Any], root: dict[str, Any]) -> Iterator[str]:
    if set(directive) != {"Namespace", "Dimensions", "Metrics"}:
        yield "a directive has a namespace, dimensions and metrics"
    if not 0 < len(directive["Namespace"]) <= 1024 or directive["Namespace"].startswith("AWS/"):
        yield "the namespace"
    for names in directive["Dimensions"]:
        yield from _dimensions(names, root)
    metrics = directive["Metrics"]
    if not 0 < len(metrics) <= MOST_METRICS:
        yield "the number of metrics"
    for metric in metrics:
        yield from _metric(metric, root)


def _dimensions(names: Any, root: dict[str, Any]) -> Iterator[str]:
    if not isinstance(names, list) or len(names) > MOST_DIMENSIONS:
        yield "a set of dimensions is a short list"
    for name in names:
        value = root.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= 1024 or not value.isascii():
            yield f"the dimension {name} has no text at the root"


def _metric(metric: dict[str, Any], root: dict[str, Any]) -> Iterator[str]:
    if set(metric) - {"Name", "Unit", "StorageResolution"}:
        yield "unknown members of a metric"
    if metric.get("Unit", "None") not in UNITS:
        yield f"the unit {metric['Unit']}"
    value = root.get(metric["Name"])
    values = value if isinstance(value, list) else [value]
    if len(values) > MOST_VALUES:
        yield f"too many values of {metric['Name']}"
    for each in values:
        if type(each) not in (int, float) or not math.isfinite(each):
            yield f"{metric['Name']} has no number at the root"
