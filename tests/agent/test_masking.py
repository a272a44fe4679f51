"""What the masker hides, however the secret is cut or encoded."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.masking import MASK, Masker, StreamMasker

_secret = st.text(
    st.characters(exclude_characters="*\r\n", exclude_categories=["Cs", "Z"]),
    min_size=4,
    max_size=40,
)
_noise = st.text(st.characters(exclude_characters="*", exclude_categories=["Cs"]), max_size=60)


def _stream(masker: Masker, pieces: list[str]) -> str:
    stream = StreamMasker(masker)
    return "".join(stream.feed(piece) for piece in pieces) + stream.flush()


def _cut(text: str, at: list[int]) -> list[str]:
    places = sorted({min(place, len(text)) for place in at})
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


@given(_secret, _noise, _noise, st.lists(st.integers(0, 200)))
def test_a_secret_is_hidden_wherever_the_stream_is_cut(secret, before, after, cuts):
    masked = _stream(Masker([secret]), _cut(before + secret + after, cuts))
    assert secret not in masked
    assert MASK in masked


@given(_secret, st.binary(max_size=20), st.binary(max_size=20), st.lists(st.integers(0, 200)))
def test_a_secret_inside_base64_is_hidden_at_every_alignment(secret, before, after, cuts):
    encoded = base64.b64encode(before + secret.encode() + after).decode()
    masked = _stream(Masker([secret]), _cut(encoded, cuts))
    assert MASK in masked
    assert _decodes_without(masked, secret)


def _decodes_without(masked: str, secret: str) -> bool:
    pieces = masked.split(MASK)
    tails = (
        part[skip : len(part) - (len(part) - skip) % 4] for part in pieces for skip in range(4)
    )
    return all(secret.encode() not in base64.b64decode(tail + "", validate=False) for tail in tails)


@pytest.mark.parametrize(
    "encode",
    [
        quote,
        quote_plus,
        lambda s: quote(s, safe=""),
        lambda s: quote(s, safe="").lower() if s.isascii() and s == s.lower() else quote(s),
        lambda s: json.dumps(s)[1:-1],
        lambda s: json.dumps(s, ensure_ascii=False)[1:-1],
        lambda s: base64.urlsafe_b64encode(s.encode()).decode().rstrip("="),
    ],
    ids=["quote", "quote_plus", "quote_all", "lower", "json", "json_unicode", "base64url"],
)
@given(secret=_secret)
def test_encoded_secrets_are_hidden(secret, encode):
    encoded = encode(secret)
    assert encoded not in Masker([secret]).mask(f"<{encoded}>")


@given(st.lists(_noise), st.lists(_secret, max_size=3))
def test_a_stream_is_masked_as_the_whole_text_would_be(pieces, secrets):
    masker = Masker(secrets)
    assert _stream(masker, pieces) == masker.mask("".join(pieces))


@given(st.lists(_noise))
def test_text_without_secrets_passes_unchanged(pieces):
    assert _stream(Masker(), pieces) == "".join(pieces)


@given(_secret, st.text(max_size=200))
def test_no_more_than_the_longest_secret_is_held_back(secret, text):
    masker = Masker([secret])
    if masker.spans(text):
        return
    assert len(text) - len(StreamMasker(masker).feed(text)) < masker.longest


def test_whole_lines_are_never_held_back():
    assert StreamMasker(Masker(["correct horse"])).feed("correct hors\n") == "correct hors\n"


def test_a_secret_with_several_lines_is_masked_line_by_line():
    key = "-----BEGIN KEY-----\nYWJjZGVm\r\nZ2hpamts\n-----END KEY-----\n"
    masked = Masker([key]).mask("#7 0.1 YWJjZGVm\n#7 0.1 Z2hpamts\n")
    assert masked == f"#7 0.1 {MASK}\n#7 0.1 {MASK}\n"


def test_overlapping_secrets_leave_no_rest():
    assert Masker(["abcdef", "defghi"]).mask("<abcdefghi>") == f"<{MASK}>"


def test_short_values_are_not_masked_but_counted():
    masker = Masker(["abc", "", "dev"])
    assert masker.mask("abc dev") == "abc dev"
    assert masker.unmasked == 2


def test_the_password_in_a_url_is_hidden_on_its_own():
    masker = Masker(["postgres://app:p%40ss-word@db:5432/app", "redis://:swordfish@cache"])
    told = "user app, password p@ss-word or p%40ss-word, swordfish, db:5432"
    assert masker.mask(told) == f"user app, password {MASK} or {MASK}, {MASK}, db:5432"


def test_a_long_value_is_looked_through_quickly():
    value = "a" * 30_000 + "://" * 1_000
    assert Masker([value]).mask(f"<{value}>") == f"<{MASK}>"


def test_ansi_colours_survive():
    masked = Masker(["hunter22"]).mask("\x1b[31mhunter22\x1b[0m")
    assert masked == f"\x1b[31m{MASK}\x1b[0m"


def test_an_endless_run_of_secrets_is_not_kept_in_memory():
    stream = StreamMasker(Masker(["aaaa"]))
    shown = "".join(stream.feed("a" * 1000) for _ in range(150))
    assert set(shown + stream.flush()) <= {"*"}
