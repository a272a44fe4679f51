"""Every query is asked on behalf of one organisation, and only the store knows the tables."""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

from sqlalchemy import Table, UniqueConstraint

import shared.adapters.postgres as store
from shared.adapters.postgres.tables.every import metadata
from shared.ports import store as ports

ROOT = Path(__file__).parents[2]
CROSSING = {
    "SqlJobs": {"get", "lock", "claim", "remove"},
    "SqlAgents": {"seen", "list", "forget"},
    "SqlRegistrations": {"add", "get", "list", "save", "used"},
    "SqlAudit": {"about", "read"},
}
"""Agents belong to the platform, and know a job by its id and its token; what a request is about
belongs to its caller's organisation."""
PLATFORM_TABLES = {
    "counters",
    "agents",
    "agent_tokens",
    "breakers",
    "queue_deduplications",
    "queue_messages",
    "rate_limits",
    "route_hosts",
}


def repositories() -> dict[str, type]:
    """The classes behind the attributes of a unit of work, by name."""
    found: dict[str, type] = {}
    for module in pkgutil.iter_modules(store.__path__, f"{store.__name__}."):
        for name, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if name.startswith("Sql") and kind.__module__ == module.name:
                found[name] = kind
    return found


def queries(kind: type) -> Iterator[tuple[str, Any]]:
    for name, method in inspect.getmembers(kind, inspect.isfunction):
        if not name.startswith("_"):
            yield name, method


def test_every_attribute_of_a_unit_of_work_has_its_repository() -> None:
    named = {
        f"Sql{attribute.capitalize()}" for attribute in inspect.get_annotations(ports.UnitOfWork)
    }
    assert named | {"SqlUnitOfWork"} == set(repositories())


def test_every_query_names_its_organisation_first() -> None:
    checked = 0
    for repository, kind in repositories().items():
        if repository == "SqlUnitOfWork":
            continue
        for name, method in queries(kind):
            if name.endswith("_everywhere") or name in CROSSING.get(repository, ()):
                continue
            _, first, *_ = inspect.signature(method).parameters
            entity = get_type_hints(method)[first]
            carried = is_dataclass(entity) and "organization_id" in {
                field.name for field in fields(entity)
            }
            assert first == "organization_id" or carried, f"{repository}.{name}({first})"
            checked += 1
    assert checked > 50


def test_what_crosses_organisations_says_so_in_its_name() -> None:
    for repository, kind in repositories().items():
        for name, method in queries(kind):
            if name.endswith("_everywhere"):
                assert "organization_id" not in inspect.signature(method).parameters, repository


def test_every_table_of_a_tenant_carries_its_organisation_in_a_key() -> None:
    for name, table in metadata.tables.items():
        if name in PLATFORM_TABLES:
            continue
        keys = [set(table.primary_key.columns.keys())]
        keys += [
            set(constraint.columns.keys())
            for constraint in table.constraints
            if isinstance(constraint, UniqueConstraint)
        ]
        assert any("organization_id" in key for key in keys), name


def test_every_foreign_key_between_tenants_holds_the_organisation() -> None:
    checked = 0
    for table in metadata.tables.values():
        for constraint in table.foreign_key_constraints:
            pairs = {(element.parent.name, element.column.name) for element in constraint.elements}
            assert ("organization_id", "organization_id") in pairs, constraint.name
            checked += 1
    assert checked >= 20


def test_every_foreign_key_has_an_index_to_follow_it_back() -> None:
    for table in metadata.tables.values():
        for constraint in table.foreign_key_constraints:
            wanted = list(constraint.column_keys)
            assert any(columns[: len(wanted)] == wanted for columns in _indexed(table)), (
                f"{table.name}: {constraint.name}"
            )


def _indexed(table: Table) -> Iterator[list[str]]:
    yield list(table.primary_key.columns.keys())
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            yield list(constraint.columns.keys())
    for index in table.indexes:
        yield list(index.columns.keys())


def test_nobody_but_the_store_and_its_migrations_imports_the_tables() -> None:
    allowed = (ROOT / "shared/adapters/postgres", ROOT / "infra/migrations")
    offenders, seen = [], 0
    for folder in ("shared", "functions", "infra", "cli"):
        for file in (ROOT / folder).rglob("*.py"):
            seen += 1
            if not any(file.is_relative_to(place) for place in allowed):
                offenders += [f"{file}: {name}" for name in _imports(file) if _is_table(name)]
    assert seen > 50
    assert offenders == []


def _is_table(module: str) -> bool:
    return module.startswith("shared.adapters.postgres.tables")


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
