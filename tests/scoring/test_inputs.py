"""What is named on the command line: which files are meant, in which order, under which names."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from braintumor.errors import BraintumorError
from braintumor.images.decode import ImageError
from braintumor.scoring.inputs import Inputs, name_of


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of files whose names alone matter, as the working directory."""
    files = [
        "scans/b.png",
        "scans/a.JPG",
        "scans/deep/er/z.dcm",
        "scans/deep/c.tif",
        "scans/deep-sea/d.webp",
        "scans/notes.txt",
        "scans/deep/Thumbs.db",
        "scans/.hidden.png",
        "scans/.cache/x.png",
        "one.png",
        "two.png",
        "x[1].png",
    ]
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Found:
    """What was found, in one go."""

    def __init__(self, arguments: list[str]) -> None:
        inputs = Inputs(arguments)
        self.names = tuple(name_of(item) for item in inputs)
        self.skipped = inputs.skipped


SCANS = ("a.JPG", "b.png", "deep/c.tif", "deep/er/z.dcm", "deep-sea/d.webp")


def test_a_folder_gives_its_images_sorted_with_all_below() -> None:
    found = Found(["scans"])

    assert found.names == tuple(f"scans/{name}" for name in SCANS)
    assert found.skipped == 2


@pytest.mark.parametrize("typed", ["scans", "scans/", "./scans", "../{}/scans/"])
def test_names_begin_as_they_were_typed(typed: str, folder: Path) -> None:
    typed = typed.format(folder.name)
    joined = typed if typed.endswith("/") else typed + "/"

    assert Found([typed]).names == tuple(joined + name for name in SCANS)


def test_the_working_directory_is_a_folder_like_any_other() -> None:
    assert Found(["."]).names[:2] == ("./one.png", "./scans/a.JPG")


def test_arguments_keep_their_order_and_may_repeat() -> None:
    found = Found(["two.png", "one.png", "two.png"])

    assert found.names == ("two.png", "one.png", "two.png")
    assert found.skipped == 0


def test_a_file_that_is_named_is_taken_whatever_it_is() -> None:
    assert Found(["scans/notes.txt", "gone.png", "scans/.hidden.png"]).names == (
        "scans/notes.txt",
        "gone.png",
        "scans/.hidden.png",
    )


def test_patterns_are_understood_where_the_shell_left_them() -> None:
    assert Found(["*.png"]).names == ("one.png", "two.png", "x[1].png")
    assert Found(["scans/*"]).names == tuple(f"scans/{name}" for name in SCANS)
    assert Found(["scans/**/*.dcm"]).names == ("scans/deep/er/z.dcm",)


def test_a_pattern_counts_no_file_twice() -> None:
    found = Found(["scans/**"])

    assert sorted(found.names) == sorted(f"scans/{name}" for name in SCANS)
    assert found.skipped == 2


@pytest.mark.parametrize("pattern", ["scans/*", "scans/**", "s*", "scans/deep*"])
def test_a_folder_that_cannot_be_listed_is_an_error_in_its_place(
    pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a folder is named, and where a pattern finds it."""
    scandir = os.scandir

    def refusing(path: str) -> object:
        if str(path).rstrip("/").endswith("deep-sea"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    for argument in (pattern, "scans"):
        items = list(Inputs([argument]))
        errors = {name_of(one): one.reason for one in items if isinstance(one, ImageError)}
        assert errors == {"scans/deep-sea": "it cannot be listed: permission denied"}
        names = [name_of(one) for one in items]
        assert names[-3:] == ["scans/deep/c.tif", "scans/deep/er/z.dcm", "scans/deep-sea"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file() -> None:
    assert Found(["x[1].png"]).names == ("x[1].png",)


def test_a_pattern_that_matches_nothing_is_kept_and_will_be_an_error() -> None:
    assert Found(["*.bmp"]).names == ("*.bmp",)


def test_a_dicom_file_without_a_suffix_is_known_by_its_bytes(folder: Path) -> None:
    for name in ("IM0001", "1.2.840.113619"):
        (folder / "scans" / name).write_bytes(bytes(128) + b"DICM" + bytes(100))

    assert Found(["scans"]).names[:2] == ("scans/1.2.840.113619", "scans/IM0001")


def test_volumes_and_archives_in_a_folder_are_taken(folder: Path) -> None:
    for name in ("v.nii", "v.NII.GZ", "study.zip", "other.gz", "words.docx"):
        (folder / "texts" / name).parent.mkdir(exist_ok=True)
        (folder / "texts" / name).write_bytes(b"x")

    found = Found(["texts"])
    assert found.names == ("texts/study.zip", "texts/v.NII.GZ", "texts/v.nii")
    assert found.skipped == 2


def test_an_archive_without_images_is_skipped_where_it_is_not_named_itself(folder: Path) -> None:
    """A viewer's disc, say: its programs are no images, in a folder or packed."""
    with zipfile.ZipFile("scans/disc.zip", "w") as archive:
        archive.writestr("viewer.exe", b"MZ")
        archive.writestr("manual.pdf", b"%PDF")

    for argument in ("scans", "scans/*"):
        found = Found([argument])
        assert found.names == tuple(f"scans/{name}" for name in SCANS)
        assert found.skipped == 3
    assert Found(["scans/disc.zip"]).names == ("scans/disc.zip",)
    (folder / "list.txt").write_text("scans/disc.zip\n")
    assert Found(["list.txt"]).names == ("scans/disc.zip",)


def test_an_archive_that_may_hold_images_is_never_skipped(folder: Path) -> None:
    """One that is damaged, or holds another; what is wrong is said in its row."""
    (folder / "discs").mkdir()
    (folder / "discs" / "damaged.zip").write_bytes(b"PK\3\4")
    with zipfile.ZipFile("discs/outer.zip", "w") as archive:
        archive.writestr("inner.zip", b"PK\3\4")

    found = Found(["discs"])
    assert found.names == ("discs/damaged.zip", "discs/outer.zip/inner.zip")
    assert found.skipped == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_pipe_in_a_folder_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "scans" / "pipe")

    assert Found(["scans"]).skipped == 3


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_pipe_that_is_called_an_archive_is_not_waited_for(folder: Path) -> None:
    """It is kept like an archive that cannot be read: its row will say what it is."""
    os.mkfifo(folder / "scans" / "x.zip")

    assert Found(["scans"]).names[-1] == "scans/x.zip"
    assert Found(["scans/x.zip"]).names == ("scans/x.zip",)


@pytest.fixture
def deep(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """How many folders lie in each other, with a picture in the last; removed from within."""
    depth = 1200
    for _ in range(depth):
        Path("d").mkdir()
        monkeypatch.chdir("d")
    Path("a.png").write_bytes(b"x")
    monkeypatch.chdir(folder)
    yield depth
    monkeypatch.chdir("d/" * depth)
    Path("a.png").unlink()
    for _ in range(depth):
        monkeypatch.chdir("..")
        Path("d").rmdir()


def test_folders_may_lie_as_deep_as_the_system_lets_them(deep: int) -> None:
    assert Found(["d"]).names == ("d/" * deep + "a.png",)


def test_a_pattern_finds_what_lies_as_deep(deep: int) -> None:
    assert Found(["d/**/*.png"]).names == ("d/" * deep + "a.png",)


def test_a_line_of_a_list_that_is_no_name_is_kept_and_will_be_an_error(folder: Path) -> None:
    lines = ["one.png", "*\0.png", "\0.zip", "scans/\0"]
    (folder / "list.lst").write_text("\n".join([*["one.png"] * 5000, *lines]))

    assert Found(["list.lst"]).names[5000:] == tuple(lines)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_list_that_powershell_wrote_is_read(encoding: str, folder: Path) -> None:
    (folder / "Größe.png").write_bytes(b"x")
    lines = "\ufeffone.png\r\n\r\nGröße.png\r\nscans\r\n"
    (folder / "list.txt").write_bytes(lines.encode(encoding))

    assert Found(["list.txt"]).names[:3] == ("one.png", "Größe.png", "scans/a.JPG")


def test_what_begins_like_such_a_list_and_is_none_is_one_error(folder: Path) -> None:
    """Unpaired surrogates, half a letter at the end, and names with NUL bytes."""
    (folder / "list.txt").write_bytes(b"\xff\xfe" + b"\0\xd8\n\0\0\0" * 3000 + b"x")
    (only,) = Inputs(["list.txt"])

    assert isinstance(only, ImageError)
    assert "its first lines name no file" in only.reason


@pytest.mark.parametrize("begin", [b"\xff\xd8\xff\xe0\0", b"\x89PNG\r\n\x1a\n\0", b"II*\0"])
def test_a_picture_that_is_called_a_list_is_a_picture(begin: bytes, folder: Path) -> None:
    (folder / "list.txt").write_bytes(begin + b"\none.png\n")
    assert Found(["list.txt"]).names == ("list.txt",)


def test_a_link_that_leads_round_in_a_circle_is_not_followed(folder: Path) -> None:
    (folder / "scans" / "deep" / "up").symlink_to(folder / "scans")

    for argument in ("scans", "scans/*", "scans/**", "**"):
        assert set(Found([argument]).names) >= {f"scans/{name}" for name in SCANS}
        assert not any("/up" in name for name in Found([argument]).names)


def test_a_link_that_leads_nowhere_costs_its_row_alone(folder: Path) -> None:
    (folder / "scans" / "itself").symlink_to("itself")
    (folder / "scans" / "itself.png").symlink_to("itself.png")
    (folder / "scans" / "gone.png").symlink_to("nothing")

    found = Found(["scans"])
    assert set(found.names) == {
        f"scans/{name}" for name in (*SCANS, "itself.png", "gone.png")
    }  # their rows will say that they cannot be read
    assert found.skipped == 3, "the link that is no image by its name is one more"


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_no_name_is_a_formula_to_a_spreadsheet(first: str, folder: Path) -> None:
    """However a file comes to be meant, it has one name, which still names it."""
    name = f'{first}HYPERLINK("x").png'
    (folder / name).write_bytes(b"x")
    (folder / "list.txt").write_bytes(f"{first}gone.png\n{first}*.png\n".encode())
    (folder / f"{first}scans").mkdir()
    (folder / f"{first}scans" / "a.png").write_bytes(b"x")
    with zipfile.ZipFile(f"{first}a.zip", "w") as archive:
        archive.writestr("=a.png", b"x")

    assert Found([name]).names == (f"./{name}",)
    assert Found([f"{first}*.png"]).names == (f"./{name}",)
    assert f"./{name}" in Found(["*.png"]).names
    assert f"./{name}" in Found(["."]).names
    assert Found([f"{first}scans"]).names == (f"./{first}scans/a.png",)
    assert Found([f"{first}a.zip"]).names == (f"./{first}a.zip/=a.png",)
    if first != "\r":  # which ends a line
        assert Found(["list.txt"]).names == (f"./{first}gone.png", f"./{name}")
    assert Path(f"./{name}").is_file()


def test_nothing_to_classify_is_one_clear_error(folder: Path) -> None:
    (folder / "empty").mkdir()
    (folder / "texts").mkdir()
    (folder / "texts" / "a.txt").write_text("x")

    with pytest.raises(BraintumorError, match=r"^empty, texts holds? no image \(1 other"):
        Found(["empty", "texts"])


def test_a_name_that_the_system_cannot_look_up_costs_its_row_alone(folder: Path) -> None:
    long = "x" * 300 + ".png"
    (folder / "list.txt").write_text(f"one.png\n{long}\ntwo.png\n")
    assert Found(["one.png", long, "two.png"]).names == ("one.png", long, "two.png")
    assert Found(["list.txt"]).names == ("one.png", long, "two.png")
