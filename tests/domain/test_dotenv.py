"""`.env` text is read as people write it, here and in the client alike."""

import pytest
from c2d import dotenv as client
from c2d.errors import CliError
from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain import dotenv
from shared.domain.errors import Invalid

TEXT = (
    "\ufeff# a comment\r\nexport A=1\n\nB = two words # and a comment\nC='single $x \\n'\n"
    'D="two\\nlines"\nE="over\nlines" # end\nF=\nG=a#b\nH="say \\"hi\\""\n'
    "  # indented\nI='it\nspans # no comment'\nJ=${{db.URL}}\nK=a=b"
)
READ = {
    "A": "1",
    "B": "two words",
    "C": "single $x \\n",
    "D": "two\nlines",
    "E": "over\nlines",
    "F": "",
    "G": "a#b",
    "H": 'say "hi"',
    "I": "it\nspans # no comment",
    "J": "${{db.URL}}",
    "K": "a=b",
}


def test_a_file_is_read_as_people_write_it() -> None:
    assert dotenv.parse(TEXT) == client.parse(TEXT, ".env") == READ


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A=1\nhunter2\n", "line 2: this is not KEY=VALUE"),
        ('A=1\n\nB="hunter2\n', "line 3: the quote is never closed"),
        ("A=1\nexport A=hunter2\n", "line 2: A is given twice"),
        ("A='1' hunter2\n", "line 1: something follows the closing quote"),
        ("A.B=hunter2", "line 1: this is not KEY=VALUE"),
    ],
)
def test_a_wrong_line_is_named_by_number_only(text: str, said: str) -> None:
    with pytest.raises(Invalid, match=said) as refused:
        dotenv.parse(text)
    assert "hunter2" not in refused.value.reason


@given(st.text(alphabet="AB= #'\"\\\n\rx$"))
@example("A\r=")
@example("A\n=x")
@example("export\rA=x")
def test_the_client_and_the_platform_read_the_same(text: str) -> None:
    try:
        expected = client.parse(text, ".env")
    except CliError:
        with pytest.raises(Invalid):
            dotenv.parse(text)
    else:
        assert dotenv.parse(text) == expected
