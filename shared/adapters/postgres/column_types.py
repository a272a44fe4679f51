"""Column types that hold the domain's own values on PostgreSQL, SQLite and MariaDB alike."""

from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, get_origin, get_type_hints

from sqlalchemy import JSON, DateTime, Dialect, LargeBinary, String, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine
from typing_extensions import override

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Id = Uuid().with_variant(Uuid(native_uuid=False), "mysql", "mariadb")
"""MariaDB's own type sorts by other bytes than the first, which breaks the order of pages."""
Blob = LargeBinary(2**24 - 1)
"""Bytes of one log chunk: MariaDB's default ends below 64 KiB."""
Document = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class Instant(TypeDecorator[datetime]):
    """A moment in UTC to the microsecond. Refuses one without a time zone."""

    impl = DateTime
    cache_ok = True

    @override
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        if dialect.name in ("mysql", "mariadb"):
            from sqlalchemy.dialects.mysql import DATETIME  # noqa: PLC0415 - Lambda has none

            return dialect.type_descriptor(DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime())

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError("a moment needs its time zone")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    @override
    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class Choice(TypeDecorator[StrEnum]):
    """A member of an enumeration, stored as its value."""

    impl = String(32)
    cache_ok = True

    def __init__(self, kind: type[StrEnum]) -> None:
        super().__init__()
        self.kind = kind

    @override
    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    @override
    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        return None if value is None else self.kind(value)


class Prose(TypeDecorator[str]):
    """Text from outside, such as an error's reason: what no database takes is replaced."""

    impl = Text
    cache_ok = True

    @override
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name in ("mysql", "mariadb"):
            from sqlalchemy.dialects.mysql import MEDIUMTEXT  # noqa: PLC0415 - Lambda has none

            return MEDIUMTEXT()
        return Text()

    @override
    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


class Names(TypeDecorator[tuple[str, ...]]):
    """Several short texts in their order."""

    impl = JSON
    cache_ok = True

    @override
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Document)

    @override
    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> Any:
        return None if value is None else list(value)

    @override
    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[str, ...] | None:
        return None if value is None else tuple(value)


class Record(TypeDecorator[Any]):
    """A dataclass as a document. Fields unknown to this version of the class are ignored."""

    impl = JSON
    cache_ok = True

    def __init__(self, kind: type[Any]) -> None:
        super().__init__()
        self.kind = kind

    @override
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Document)

    @override
    def process_bind_param(self, value: Any, dialect: Dialect) -> dict[str, Any] | None:
        return None if value is None else asdict(value)

    @override
    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else _made(self.kind, value)


def _made(kind: "type[DataclassInstance]", document: dict[str, Any]) -> Any:
    known = _hints(kind)
    return kind(
        **{name: _field(known[name], value) for name, value in document.items() if name in known}
    )


def _field(kind: Any, value: Any) -> Any:
    if is_dataclass(kind):
        return _made(kind, value)  # type: ignore[arg-type]
    return tuple(value) if get_origin(kind) is tuple else value


@cache
def _hints(kind: "type[DataclassInstance]") -> dict[str, Any]:
    return get_type_hints(kind)
