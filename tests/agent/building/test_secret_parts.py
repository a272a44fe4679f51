"""Secrets that other values are made of are masked on their own."""

from infra.agent.build.spec import read_secrets
from shared.domain.masking import Masker


def test_the_parts_of_a_secret_value_are_masked_too() -> None:
    given = read_secrets(
        {
            "env": {
                "LINK": {"value": "a-part-1 and b-part-2", "secret": True},
                "PLAIN": {"value": "in the open", "secret": False},
            },
            "mask": ["a-part-1", "a-part-1 and b-part-2"],
        }
    )
    masked = Masker(given.to_mask()).mask("a-part-1; a-part-1 and b-part-2; in the open")
    assert masked == "***; ***; in the open"


def test_an_answer_without_parts_is_read() -> None:
    assert read_secrets({"env": {"A": {"value": "hidden", "secret": True}}}).to_mask() == ["hidden"]
