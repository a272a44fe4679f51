"""Trees on disk never show what lies outside of them."""

import os
from pathlib import Path

import pytest

from shared.domain.detection import DirectoryTree, MappingTree, Subtree, tree
from shared.domain.errors import Invalid, SourceNotFound


def write(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)


def test_paths_are_sorted_and_leave_out_what_is_no_source(tmp_path: Path) -> None:
    write(tmp_path, "b.txt", "a/x.py", ".git/config", "node_modules/y/index.js", "a/.venv/z.py")

    assert DirectoryTree(tmp_path).paths() == ("a/x.py", "b.txt")


def test_a_link_out_of_the_repository_does_not_exist(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    write(tmp_path, "secret.txt", "outside/other.txt", "clone/inside.txt")
    (clone / "leak.txt").symlink_to(tmp_path / "secret.txt")
    (clone / "relative.txt").symlink_to("../secret.txt")
    (clone / "folder").symlink_to(tmp_path / "outside")
    (clone / "loop").symlink_to("loop")
    (clone / "fine.txt").symlink_to("inside.txt")

    found = DirectoryTree(clone)

    assert found.paths() == ("fine.txt", "inside.txt")
    assert found.read("leak.txt") is None
    assert found.read("../secret.txt") is None
    assert found.read("fine.txt") == "clone/inside.txt"


def test_a_sub_folder_may_link_to_its_repository_only(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    write(tmp_path, "secret.txt", "clone/shared/Dockerfile", "clone/app/main.py")
    (clone / "app" / "Dockerfile").symlink_to("../shared/Dockerfile")
    (clone / "app" / "leak").symlink_to("../../secret.txt")

    assert DirectoryTree(clone, "app/").paths() == ("Dockerfile", "main.py")


@pytest.mark.parametrize("folder", ["../other", "app/../../other", "/../x"])
def test_a_root_directory_outside_of_the_repository_is_refused(tmp_path: Path, folder: str) -> None:
    with pytest.raises(Invalid, match="leaves the repository"):
        DirectoryTree(tmp_path, folder)


def test_a_root_directory_that_is_a_link_out_is_refused(tmp_path: Path) -> None:
    (tmp_path / "clone").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "clone" / "app").symlink_to(tmp_path / "other")

    with pytest.raises(Invalid, match="leaves the repository"):
        DirectoryTree(tmp_path / "clone", "app")


def test_a_missing_root_directory_is_named(tmp_path: Path) -> None:
    write(tmp_path, "file")

    for folder in ("nowhere", "file"):
        with pytest.raises(SourceNotFound, match=folder):
            DirectoryTree(tmp_path, folder)


def test_big_binary_and_special_files_are_unreadable(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * (tree.MAX_READ + 1))
    (tmp_path / "binary").write_bytes(b"\x00\x01")
    (tmp_path / "latin").write_bytes(b"caf\xe9")
    os.mkfifo(tmp_path / "pipe")

    found = DirectoryTree(tmp_path)

    assert found.paths() == ("big", "binary", "latin")
    assert found.read("big") is None
    assert found.read("binary") is None
    assert found.read("latin") == "caf\ufffd"


def test_reading_stops_at_the_total_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MAX_TOTAL_READ", 10)
    write(tmp_path, "first", "second")

    found = DirectoryTree(tmp_path)

    assert found.read("first") == "first"
    assert found.read("second") is None


def test_the_number_of_paths_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MAX_FILES", 3)
    write(tmp_path, *(f"{n}.txt" for n in range(9)))

    assert len(DirectoryTree(tmp_path).paths()) == 3


def test_a_subtree_is_a_tree_of_one_folder() -> None:
    found = Subtree(MappingTree({"a/x": "1", "a/b/y": "2", "ab/z": "3"}), "a")

    assert found.paths() == ("b/y", "x")
    assert (found.read("x"), found.read("z")) == ("1", None)
