"""Environment variables between the API and the domain."""

import json
from datetime import datetime
from typing import Annotated, Final

from pydantic import BaseModel, Field, ValidationError

from shared.domain import dotenv
from shared.domain.errors import Invalid
from shared.domain.variables import MAX_VALUE, Availability
from shared.http.schemas import Out, Strict
from shared.usecases.variable_sets import Assignment

MAX_NUMBER: Final = 2**31 - 1
"""The largest number of a version that the store can hold."""
Value = Annotated[str, Field(max_length=MAX_VALUE)]


class Flags(Strict):
    """What is not named stays as it is; a new variable is plain, and for build and run.

    A `sealed` variable is secret too, and can only be replaced: nobody reads it again.
    """

    secret: bool | None = None
    sealed: bool | None = None
    available: Availability | None = None


class VariableBody(Flags):
    key: str = Field(max_length=128, examples=["DATABASE_URL"])
    value: Value

    def assignment(self) -> Assignment:
        return Assignment(self.key, self.value, self.secret, self.available, self.sealed)


class VariablePatch(Flags):
    value: Value | None = None

    def assignment(self, key: str) -> Assignment:
        return Assignment(key, self.value, self.secret, self.available, self.sealed)


class KeptVariable(VariablePatch):
    """In a whole set a value may be left out: the present one stays."""

    key: str = Field(max_length=128)


class VariablesBody(Strict):
    variables: list[KeptVariable] = Field(max_length=1000)


class VariableOut(Out):
    """`references` are written in the value, which holds them as they are."""

    key: str
    value: str | None
    secret: bool
    sealed: bool
    available: Availability
    references: list[str]
    version: int
    author: str
    updated_at: str


class ChangeOut(Out):
    """Names only. `version` is the set's number afterwards."""

    added: list[str]
    changed: list[str]
    removed: list[str]
    unchanged: int
    version: int


class VersionOut(Out):
    """A version and the names it added, changed and removed."""

    number: int
    author: str
    created_at: datetime
    restored_from: int | None
    added: list[str]
    changed: list[str]
    removed: list[str]


class DifferenceOut(Out):
    """`change` is added, changed or removed; hidden values are null."""

    key: str
    change: str
    before: str | None
    after: str | None
    secret: bool


class ComparisonOut(BaseModel):
    """What leads from version `against` to version `number`."""

    number: int
    against: int
    items: list[DifferenceOut]


def assignments(body: bytes, content_type: str) -> list[Assignment]:
    """The wanted set from a JSON or `.env` body. Raises Invalid, naming what is wrong."""
    if "json" not in content_type:
        return _from_dotenv(body)
    try:
        given = VariablesBody.model_validate(json.loads(body)).variables
    except ValidationError as error:
        # never the input: it holds the values
        where = "; ".join(
            f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}"
            for e in error.errors(include_input=False, include_url=False, include_context=False)
        )
        raise Invalid(f"the body is not a set of variables: {where}") from None
    except (ValueError, RecursionError):
        raise Invalid(
            "the body is not JSON: send variables as JSON, or .env as text/plain"
        ) from None
    return _once([v.assignment(v.key) for v in given])


def _from_dotenv(body: bytes) -> list[Assignment]:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Invalid("the .env text is not UTF-8") from error
    return [Assignment(key, value) for key, value in dotenv.parse(text).items()]


def _once(wanted: list[Assignment]) -> list[Assignment]:
    keys = [a.key for a in wanted]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise Invalid(f"named twice: {', '.join(twice)}")
    return wanted
