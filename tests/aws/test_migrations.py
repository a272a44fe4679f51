"""A migration that takes something away says which release can live with that."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.migrations import run

FIRST = {f"{number:04}" for number in range(1, 8)}
"""Those of the first release: nothing served before it."""
TAKES = {"drop_column", "drop_table", "drop_constraint", "rename_table", "create_check_constraint"}
_STATEMENT = re.compile(r"\b(DROP|RENAME|TRUNCATE|SET NOT NULL)\b", re.IGNORECASE)
VERSIONS = sorted((run.FOLDER / "versions").glob("[0-9]*.py"))


def takes_away(source: str) -> list[str]:
    """What in `upgrade`, and what it calls, code of an earlier release may miss."""
    known: dict[str, ast.AST] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            known[node.name] = node
        elif isinstance(node, ast.Assign):
            known |= {t.id: node.value for t in node.targets if isinstance(t, ast.Name)}
    wanted, found, seen = ["upgrade"], list[str](), set[str]()
    while wanted:
        name = wanted.pop()
        if name in seen or name not in known:
            continue
        seen.add(name)
        for node in ast.walk(known[name]):
            if isinstance(node, ast.Name):
                wanted.append(node.id)
            found += _taken(node)
    return found


def _taken(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Call(func=ast.Attribute(attr=name)) if name in TAKES:
            yield name
        case ast.Call(func=ast.Attribute(attr="alter_column"), keywords=keywords):
            given = {k.arg: k.value for k in keywords}
            nullable = given.get("nullable")
            if "new_column_name" in given or "type_" in given:
                yield "alter_column"
            if isinstance(nullable, ast.Constant) and nullable.value is False:
                yield "alter_column"
        case ast.Constant(value=str(text)) if _STATEMENT.search(text):
            yield text


def says(source: str) -> bool:
    names = [t for n in ast.parse(source).body if isinstance(n, ast.Assign) for t in n.targets]
    return any(isinstance(t, ast.Name) and t.id == "oldest_release" for t in names)


@pytest.mark.parametrize("path", VERSIONS, ids=lambda p: p.stem)
def test_a_migration_that_takes_something_away_names_the_oldest_release(path: Path) -> None:
    if path.stem[:4] in FIRST:
        assert not says(path.read_text())
        return
    assert not takes_away(path.read_text()) or says(path.read_text()), (
        f"add `oldest_release`: the first release that does without {takes_away(path.read_text())}"
    )


@pytest.mark.parametrize(
    ("body", "taken"),
    [
        ("op.add_column('t', c)", False),
        ("op.create_table('t')", False),
        ("op.alter_column('t', 'c', nullable=True)", False),
        ("op.drop_column('t', 'c')", True),
        ("batch.drop_column('c')", True),
        ("op.alter_column('t', 'c', nullable=False)", True),
        ("op.alter_column('t', 'c', new_column_name='d')", True),
        ("op.execute('alter table t rename c to d')", True),
        ("op.execute(STATEMENT)", True),
        ("op.execute(HARMLESS)", False),
        ("_later()", True),
    ],
)
def test_what_takes_away_is_seen(body: str, taken: bool) -> None:
    later = "def _later():\n    op.drop_table('t')\n"
    later += "STATEMENT = 'alter table t drop c'\nHARMLESS = 'update t set c = 1'\n"
    downgrade = "def downgrade():\n    op.drop_table('new')\n"
    assert bool(takes_away(f"def upgrade():\n    {body}\n{later}{downgrade}")) is taken
