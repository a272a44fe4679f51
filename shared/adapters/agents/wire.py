"""Calls of the ports in `shared.ports.compute` as JSON: for who makes them and who serves them."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, get_type_hints

from pydantic import TypeAdapter, ValidationError

from shared.domain.errors import Invalid
from shared.ports.compute import Compute, Images, Names, Networks, Volumes

PORTS: Final[Mapping[str, type]] = {
    "compute": Compute,
    "images": Images,
    "names": Names,
    "networks": Networks,
    "volumes": Volumes,
}


@dataclass(frozen=True, slots=True)
class Call:
    """One method of a port, with what turns its arguments and its value into JSON and back."""

    signature: inspect.Signature
    arguments: Mapping[str, TypeAdapter[Any]]
    value: TypeAdapter[Any]

    def dump_arguments(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        given = self.signature.bind(None, *args, **kwargs).arguments
        return {
            name: adapter.dump_python(given[name], mode="json")
            for name, adapter in self.arguments.items()
            if name in given
        }

    def load_arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Raises Invalid for what the method does not take."""
        unknown = given.keys() - self.arguments.keys()
        if unknown:
            raise Invalid(f"the call has no argument {sorted(unknown)[0]}")
        try:
            return {name: self.arguments[name].validate_python(v) for name, v in given.items()}
        except ValidationError as error:
            raise Invalid(f"the call's arguments are wrong: {error.errors()[0]['msg']}") from error

    def dump_value(self, value: Any) -> Any:
        return self.value.dump_python(value, mode="json")

    def load_value(self, value: Any) -> Any:
        return self.value.validate_python(value)


@cache
def call_of(port: str, method: str) -> Call:
    """The call by its names. Raises Invalid for one that no port has."""
    function = getattr(PORTS.get(port), method, None)
    if method.startswith("_") or not inspect.isfunction(function):
        raise Invalid(f"there is no call {port}.{method}")
    hints = get_type_hints(function)
    value = TypeAdapter(hints.pop("return"))
    arguments = {name: TypeAdapter(hint) for name, hint in hints.items()}
    return Call(inspect.signature(function), arguments, value)
