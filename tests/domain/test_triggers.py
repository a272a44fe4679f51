"""Patterns of watched paths, as in .gitignore; words that keep a push from deploying."""

import pytest

from shared.domain.triggers import matches

NAMED = [
    ("*.py", "app.py"),
    ("*.py", "deep/down/app.py"),
    ("src", "src/a.py"),
    ("src", "lib/src/a.py"),
    ("src/", "src/a.py"),
    ("/src", "src/a.py"),
    ("src/**", "src/a/b.py"),
    ("src/*.py", "src/a.py"),
    ("**/test", "a/b/test/c"),
    ("**/test", "test"),
    ("a/**/b", "a/b"),
    ("a/**/b", "a/x/y/b"),
    ("file?.txt", "file1.txt"),
    ("file[0-9].txt", "file1.txt"),
    ("file[!0-9].txt", "filea.txt"),
    ("a+b(c).txt", "a+b(c).txt"),
    ("**", "anything"),
    ("*", "anything"),
]
NOT_NAMED = [
    ("*.py", "app.pyc"),
    ("src", "src2/a.py"),
    ("src/", "src"),
    ("/src", "lib/src/a.py"),
    ("src/*.py", "src/deep/a.py"),
    ("src/*.py", "lib/src/a.py"),
    ("file?.txt", "file10.txt"),
    ("file?.txt", "file/.txt"),
    ("file[!0-9].txt", "file1.txt"),
    ("a/**/b", "a/xb"),
    (".env", "xenv"),
    ("[z-a]", "y"),
    ("", "anything"),
]


@pytest.mark.parametrize(("pattern", "path"), NAMED)
def test_named(pattern: str, path: str) -> None:
    assert matches([pattern], [path])


@pytest.mark.parametrize(("pattern", "path"), NOT_NAMED)
def test_not_named(pattern: str, path: str) -> None:
    assert not matches([pattern], [path])


def test_the_last_match_decides_and_one_path_is_enough() -> None:
    patterns = ["src/**", "!src/docs/**", "src/docs/index.md"]
    assert matches(patterns, ["README.md", "src/a.py"])
    assert not matches(patterns, ["README.md", "src/docs/a.md"])
    assert matches(patterns, ["src/docs/index.md"])
    assert not matches(["!src"], ["src/a.py"])
    assert not matches(patterns, [])


def test_a_pattern_of_many_stars_is_answered_at_once() -> None:
    assert not matches(["*a" * 12 + "b"], ["a" * 60])
