"""Sealed values open where they belong, with a key that is loaded, and nowhere else."""

import base64
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.vault import CHECK_SECONDS, EnvelopeVault, KeyFiles, MasterKey, vault_of
from shared.domain.errors import Invalid, PlatformError
from tests.fakes.clock import Clock

KEY = MasterKey("first", bytes(range(32)))
VAULT = EnvelopeVault([KEY])


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
def test_what_is_sealed_opens_again_in_its_context(value: str, context: str) -> None:
    assert VAULT.open(VAULT.seal(value, context), context) == value


def test_nothing_of_a_value_shows_and_no_two_seals_are_equal() -> None:
    first, second = VAULT.seal("hunter2" * 5, "a"), VAULT.seal("hunter2" * 5, "a")
    assert first.split(".")[:2] == second.split(".")[:2] == ["c2v1", "first"]
    assert set(first.split(".")[2:]).isdisjoint(second.split(".")[2:])
    for part in first.split(".")[2:]:
        raw = base64.urlsafe_b64decode(part + "==")
        assert b"hunter2" not in raw
        assert KEY.secret not in raw


def test_a_value_moved_to_another_owner_does_not_open() -> None:
    sealed = VAULT.seal("secret", "service-1/KEY")
    with pytest.raises(Invalid, match="damaged or belongs elsewhere"):
        VAULT.open(sealed, "service-2/KEY")


def test_every_changed_character_is_noticed() -> None:
    sealed = VAULT.seal("secret", "a")
    assert VAULT.open(sealed, "a") == "secret"
    for place, character in enumerate(sealed):
        changed = "A" if character != "A" else "B"
        tampered = sealed[:place] + changed + sealed[place + 1 :]
        with pytest.raises(Invalid):
            VAULT.open(tampered, "a")


def test_parts_of_two_values_do_not_make_a_third() -> None:
    one, two = VAULT.seal("one", "a").split("."), VAULT.seal("two", "a").split(".")
    with pytest.raises(Invalid):
        VAULT.open(".".join([*one[:3], two[3]]), "a")


@pytest.mark.parametrize(
    "text", ["", "plain", "a.b.c.d", "c2v1.first..", "c2v9.first.AA.AA", "é.é.é.é"]
)
def test_what_is_no_sealed_value_is_invalid(text: str) -> None:
    with pytest.raises(Invalid):
        VAULT.open(text, "a")


def test_after_a_rotation_old_values_open_and_new_ones_use_the_newest_key() -> None:
    newer = MasterKey.generate()
    both = EnvelopeVault([KEY, newer])
    old = VAULT.seal("secret", "a")
    assert both.open(old, "a") == "secret"
    assert not old.startswith(both.mark)
    again = both.seal(both.open(old, "a"), "a")
    assert again.startswith(both.mark)
    assert EnvelopeVault([newer]).open(again, "a") == "secret"
    with pytest.raises(Invalid, match="not loaded"):
        EnvelopeVault([newer]).open(old, "a")


def test_another_key_of_the_same_name_opens_nothing() -> None:
    other = EnvelopeVault([MasterKey(KEY.id, os.urandom(32))])
    with pytest.raises(Invalid):
        other.open(VAULT.seal("secret", "a"), "a")


def test_a_key_file_is_the_owners_alone_and_is_never_overwritten(tmp_path: Path) -> None:
    key, file = MasterKey.generate(), tmp_path / "key.json"
    key.store(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert MasterKey.load(file) == key
    with pytest.raises(FileExistsError):
        MasterKey.generate().store(file)
    assert MasterKey.load(file) == key


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"id": "a", "key": "AA=="}', '{"id": "a.b", "key": 3}']
)
def test_a_file_that_holds_no_key_stops_the_platform(tmp_path: Path, content: str) -> None:
    file = tmp_path / "key.json"
    file.write_text(content)
    with pytest.raises(PlatformError):
        MasterKey.load(file)


def test_a_key_does_not_show_itself() -> None:
    assert repr(KEY.secret) not in repr(KEY)
    with pytest.raises(PlatformError):
        EnvelopeVault([])


def test_a_key_that_came_later_is_found_when_a_value_needs_it(tmp_path: Path) -> None:
    KEY.store(tmp_path / "master-0001.json")
    running = vault_of(tmp_path)
    newer = MasterKey.generate()
    newer.store(KeyFiles(tmp_path).next_name())
    sealed = vault_of(tmp_path).seal("secret", "a")
    assert sealed.startswith(newer.mark)
    assert running.open(sealed, "a") == "secret"
    assert running.mark == newer.mark


def test_sealing_goes_over_to_a_new_key_within_a_second(tmp_path: Path) -> None:
    KEY.store(tmp_path / "master-0001.json")
    files, clock = KeyFiles(tmp_path), Clock()
    running = EnvelopeVault(files.load(), files.load, clock)
    newer = MasterKey.generate()
    newer.store(files.next_name())
    assert running.seal("x", "a").startswith(KEY.mark)
    clock.now = CHECK_SECONDS
    assert running.seal("x", "a").startswith(newer.mark)


def test_a_key_that_is_put_away_still_opens_what_is_under_way(tmp_path: Path) -> None:
    KEY.store(tmp_path / "master-0001.json")
    files, clock = KeyFiles(tmp_path), Clock()
    running = EnvelopeVault(files.load(), files.load, clock)
    sealed = running.seal("x", "a")
    MasterKey.generate().store(files.next_name())
    (tmp_path / "master-0001.json").rename(tmp_path / "retired-master-0001.json")
    clock.now = CHECK_SECONDS
    assert running.seal("y", "a").startswith(files.load()[-1].mark)
    assert running.open(sealed, "a") == "x"
    with pytest.raises(Invalid, match="not loaded"):
        vault_of(tmp_path).open(sealed, "a")


def test_a_damaged_key_file_takes_nothing_from_a_running_platform(tmp_path: Path) -> None:
    KEY.store(tmp_path / "master-0001.json")
    clock = Clock()
    running = EnvelopeVault([KEY], KeyFiles(tmp_path).load, clock)
    (tmp_path / "master-0002.json").write_text("{")
    clock.now = CHECK_SECONDS
    sealed = running.seal("x", "a")
    assert running.open(sealed, "a") == "x"
    with pytest.raises(Invalid, match="not loaded"):
        running.open(EnvelopeVault([MasterKey.generate()]).seal("x", "a"), "a")


def test_keys_are_named_one_after_the_other(tmp_path: Path) -> None:
    files = KeyFiles(tmp_path)
    for number in (1, 2, 3):
        assert files.next_name().name == f"master-000{number}.json"
        MasterKey.generate().store(files.next_name())
    assert [key.mark for key in files.load()] == [
        MasterKey.load(tmp_path / f"master-000{n}.json").mark for n in (1, 2, 3)
    ]
    assert {file.name[0] for file in tmp_path.iterdir()} == {"m"}
