"""The one place an operation meets Lambda: called by name, with JSON in and out."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from pydantic import BaseModel

from shared.observing.invocations import observed
from shared.observing.lines import Log

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

log = Log(__name__)
In = TypeVar("In", bound=BaseModel)
Handler = Callable[[Mapping[str, Any], Any], dict[str, Any]]


def operation(run: "Callable[[In], DataclassInstance]") -> Handler:
    """Validate the input, run, return the result as JSON; errors leave as they are."""
    accepts: type[In] = get_type_hints(run)[run.__code__.co_varnames[0]]

    @observed
    def handler(event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
        result = asdict(run(accepts.model_validate(event)))
        log.info("operation done", operation=run.__module__, result=result)
        return result

    return handler
