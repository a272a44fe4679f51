"""The version line nearest to the default that a constraint allows."""

import pytest

from shared.domain.detection.versions import Choice, choose

PYTHON = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")
NODE = ("14", "16", "18", "20", "22", "24")


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ("", "3.11"),
        ("*", "3.11"),
        (">=3.8", "3.11"),
        (">= 3.12", "3.12"),
        (">3.11", "3.11"),
        (">=3.8,<3.11", "3.10"),
        ("<=3.10", "3.10"),
        ("^3.9", "3.11"),
        ("~3.9", "3.9"),
        ("~=3.9", "3.11"),
        ("~=3.9.2", "3.9"),
        ("3.10", "3.10"),
        ("==3.10.*", "3.10"),
        ("3.12.4", "3.12"),
        (">=3.8,!=3.11.*,<3.12", "3.10"),
        (">=2.7,!=3.0.*,!=3.1.*", "3.11"),
        ("^3.8 || ^4", "3.11"),
    ],
)
def test_python_constraints(constraint: str, expected: str) -> None:
    assert choose(constraint, PYTHON, "3.11") == Choice(expected, satisfied=True)


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        (">=14", "20"),
        ("18", "18"),
        ("v18.17.0", "18"),
        ("18.x", "18"),
        ("^18.0.0", "18"),
        ("^18 || ^20", "20"),
        ("^16 || >=22", "22"),
        (">=16 <19", "18"),
        ("14 - 16", "16"),
        (">20", "22"),
        (">=20.9.0", "20"),
        ("<20", "18"),
        ("latest", "20"),
        ("~22.1", "22"),
    ],
)
def test_node_constraints(constraint: str, expected: str) -> None:
    assert choose(constraint, NODE, "20") == Choice(expected, satisfied=True)


@pytest.mark.parametrize(
    ("constraint", "expected"), [("3.6", "3.8"), (">=3.99", "3.13"), ("nonsense", "3.11")]
)
def test_what_no_known_line_satisfies_is_said(constraint: str, expected: str) -> None:
    assert choose(constraint, PYTHON, "3.11") == Choice(expected, satisfied=False)
