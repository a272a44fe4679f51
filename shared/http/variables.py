"""Environment variables between the API and the domain."""

import json
from io import StringIO
from typing import Annotated

from dotenv import dotenv_values
from pydantic import Field, ValidationError

from shared.domain.errors import Invalid
from shared.domain.variables import MAX_VALUE, Availability
from shared.http.schemas import Out, Strict
from shared.usecases.variables import Assignment

Value = Annotated[str, Field(max_length=MAX_VALUE)]


class VariableBody(Strict):
    key: str = Field(max_length=128, examples=["DATABASE_URL"])
    value: Value
    secret: bool = False
    available: Availability = Availability.BOTH

    def assignment(self) -> Assignment:
        return Assignment(self.key, self.value, self.secret, self.available)


class KeptVariable(Strict):
    """In a whole set a value may be left out: the present one stays."""

    key: str = Field(max_length=128)
    value: Value | None = None
    secret: bool = False
    available: Availability = Availability.BOTH


class VariablesBody(Strict):
    variables: list[KeptVariable] = Field(max_length=1000)


class VariableOut(Out):
    key: str
    value: str | None
    secret: bool
    available: Availability
    version: int
    author: str
    updated_at: str


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
    except ValueError:
        raise Invalid(
            "the body is not JSON: send variables as JSON, or .env as text/plain"
        ) from None
    return _once([Assignment(v.key, v.value, v.secret, v.available) for v in given])


def _from_dotenv(body: bytes) -> list[Assignment]:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Invalid("the .env text is not UTF-8") from error
    values = dotenv_values(stream=StringIO(text), interpolate=False)
    return _once([Assignment(key, value or "") for key, value in values.items()])


def _once(wanted: list[Assignment]) -> list[Assignment]:
    keys = [a.key for a in wanted]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise Invalid(f"named twice: {', '.join(twice)}")
    return wanted
