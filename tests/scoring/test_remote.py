"""Images on stores: memory:// stands for any of them, and a server on this computer for the web."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pytest
from loopback_server import Loopback, loopback
from made_dicom import dataset, saved
from made_files import nifti, picture
from tiny_bundle import make_tiny_bundle

from braintumor import progress
from braintumor.errors import BraintumorError
from braintumor.images.decode import ImageError, Limits
from braintumor.scoring import remote
from braintumor.scoring.inputs import Inputs, name_of
from braintumor.scoring.score import Plan, score

fsspec = pytest.importorskip("fsspec", reason="SKIPPED FOR WANT OF THE EXTRA [cloud]")
PNG = picture("PNG")
FILES = {
    "scans/b.png": PNG,
    "scans/a.PNG": PNG,
    "scans/deep/v.nii": nifti(),
    "scans/deep/IM1": saved(dataset()),
    "scans/deep-sea/d.png": PNG,
    "scans/notes.txt": b"no image",
    "scans/.hidden.png": PNG,
    "scans/.cache/x.png": PNG,
    "one.png": PNG,
}


@pytest.fixture
def store() -> Iterator[None]:
    """A bucket in memory."""
    memory = fsspec.filesystem("memory")
    for name, data in FILES.items():
        memory.pipe_file(f"/bucket/{name}", data)
    yield
    memory.rm("/bucket", recursive=True)


@pytest.fixture
def buckets(store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bucket where paths begin with no slash: S3 leaves one at the end out, Google not."""
    filesystem = fsspec.filesystem
    memory = filesystem("memory")

    class Buckets(fsspec.AbstractFileSystem):  # type: ignore[misc]
        protocol = ("s3", "s3a")
        cachable = False

        def ls(self, path: str, detail: bool = True, **_: object) -> list[dict[str, object]]:
            entries = memory.ls("/" + self._strip_protocol(path), detail=True)
            return [entry | {"name": entry["name"].lstrip("/")} for entry in entries]

        def cat_file(self, path: str, **span: int) -> bytes:
            data: bytes = memory.cat_file("/" + self._strip_protocol(path), **span)
            return data

    class Keeping(Buckets):
        protocol = ("gs", "gcs")

        @classmethod
        def _strip_protocol(cls, path: str) -> str:
            return path.removeprefix("gs://")

        def ls(self, path: str, detail: bool = True, **_: object) -> list[dict[str, object]]:
            return super().ls(path.rstrip("/"))

    stores = {"s3": Buckets, "gs": Keeping}

    def choose(protocol: str, **options: object) -> object:
        known = stores.get(protocol)
        return known() if known else filesystem(protocol, **options)

    monkeypatch.setattr(fsspec, "filesystem", choose)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """A server; nobody waits for it in vain."""
    pytest.importorskip("aiohttp", reason="SKIPPED FOR WANT OF THE EXTRA [cloud]")
    monkeypatch.setattr(remote, "_WAITS", (0.0, 0.0))
    with loopback() as server:
        server.files.update({f"/{name}": data for name, data in FILES.items()})
        yield server


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same files on this computer, in the working directory."""
    monkeypatch.chdir(tmp_path)
    for name, data in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path


def found(*arguments: str) -> list[str]:
    return [name_of(item) for item in Inputs(arguments)]


SCANS = ["a.PNG", "b.png", "deep/IM1", "deep/v.nii", "deep-sea/d.png"]


class TestStores:
    @pytest.mark.parametrize("typed", ["memory://bucket/scans", "memory://bucket/scans/"])
    def test_a_folder_is_everything_below_it_sorted(self, store: None, typed: str) -> None:
        inputs = Inputs([typed])

        assert [name_of(item) for item in inputs] == [f"memory://bucket/scans/{n}" for n in SCANS]
        assert inputs.skipped == 1

    def test_a_pattern_is_understood(self, store: None) -> None:
        assert found("memory://bucket/scans/*.png") == ["memory://bucket/scans/b.png"]
        assert found("memory://bucket/sc*") == [f"memory://bucket/scans/{n}" for n in SCANS]

    @pytest.mark.parametrize("bucket", ["memory://bucket", "s3://bucket", "gs://bucket"])
    @pytest.mark.parametrize(
        "pattern",
        [
            *("**", "sc*/**", "**/*", "**/deep", "**/*.png", "*/deep*", "*/**/IM?"),
            *("s*/", "*/*/", "*/.*.png", "**/.cache/*"),
        ],
    )
    def test_a_pattern_means_what_it_means_here_and_gives_no_file_twice(
        self, buckets: None, bucket: str, pattern: str, here: Path
    ) -> None:
        assert found(f"{bucket}/{pattern}") == [f"{bucket}/{name}" for name in found(pattern)]

    @pytest.mark.parametrize("typed", ["sc*", "sc*/", "sc*//", "scan[s]/"])
    @pytest.mark.parametrize(
        "bucket", ["memory://bucket", "memory:///bucket", "s3://bucket", "gs://bucket"]
    )
    def test_what_a_pattern_finds_lies_in_the_bucket_that_was_typed(
        self, buckets: None, bucket: str, typed: str
    ) -> None:
        """A store may leave slashes at the ends out of its paths."""
        assert found(f"{bucket}/{typed}") == [f"{bucket}/scans/{n}" for n in SCANS]

    def test_a_pattern_that_matches_nothing_is_kept_so_that_its_row_says_so(
        self, store: None, here: Path
    ) -> None:
        for name in ("memory://bucket/scans/*.bmp", "scans/*.bmp"):
            assert found("memory://bucket/one.png", name)[1:] == [name]
            assert found(name) == [name]

    @pytest.mark.parametrize("what", ["one.png", "scans", "scans/", "sc*", "scans/*.png"])
    @pytest.mark.parametrize("protocol", ["MEMORY", "S3", "GS"])
    def test_the_kind_of_a_store_may_be_typed_in_capitals(
        self, buckets: None, protocol: str, what: str
    ) -> None:
        small = found(f"{protocol.lower()}://bucket/{what}")
        assert found(f"{protocol}://bucket/{what}") == [
            name.replace(protocol.lower(), protocol, 1) for name in small
        ]
        assert [remote.read(name) for name in small] == [
            remote.read(name.replace(protocol.lower(), protocol, 1)) for name in small
        ]
        assert not isinstance(next(remote.find(f"{protocol}://bucket/{what}")), ImageError)

    def test_a_file_that_is_named_is_taken_whatever_it_is(self, store: None) -> None:
        names = ["memory://bucket/scans/notes.txt", "memory://bucket/gone.png"]
        assert found(*names) == names

    def test_what_has_the_name_of_a_file_costs_no_request(
        self, store: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A list of ten million lines would take days of asking what they are."""
        monkeypatch.setattr(type(fsspec.filesystem("memory")), "isdir", None)
        names = ["memory://bucket/one.png", "memory://bucket/scans/deep/v.nii", "memory://b/a.zip"]
        assert found(*names) == names

    def test_a_file_that_the_store_does_not_give_just_now_is_not_left_out(
        self, store: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """IM1 has no suffix: whether it is an image, its first bytes tell."""
        asked: list[str] = []

        def away(_self: object, path: str, **_: object) -> bytes:
            asked.append(path)
            raise TimeoutError

        monkeypatch.setattr(remote, "_WAITS", (0.0, 0.0))
        monkeypatch.setattr(type(fsspec.filesystem("memory")), "cat_file", away)
        inputs = Inputs(["memory://bucket/scans/deep"])
        assert [name_of(item) for item in inputs] == [
            f"memory://bucket/scans/deep/{name}" for name in ("IM1", "v.nii")
        ]
        assert inputs.skipped == 0
        assert len(asked) == 3, "a store that is busy is asked again"

    @pytest.mark.parametrize(("status", "times"), [(429, 3), (503, 3), (404, 1), (400, 1)])
    def test_only_a_store_that_is_busy_is_asked_again(
        self, monkeypatch: pytest.MonkeyPatch, status: int, times: int
    ) -> None:
        class AnswerError(Exception):
            def __init__(self) -> None:
                self.status = status

        asked: list[int] = []

        def ask() -> bytes:
            asked.append(status)
            raise AnswerError

        monkeypatch.setattr(remote, "_WAITS", (0.0, 0.0))
        with pytest.raises(AnswerError):
            remote._patiently(ask)
        assert len(asked) == times

    def test_they_are_classified_like_files_here(self, store: None, here: Path) -> None:
        make_tiny_bundle(here / "bundle")
        there = ["memory://bucket/scans", "memory://bucket/one.png"]
        for arguments, out in ((there, "there.csv"), (["scans", "one.png"], "here.csv")):
            score(Plan(arguments=arguments, model=Path("bundle"), out=Path(out)))

        far, near = pd.read_csv("there.csv"), pd.read_csv("here.csv")
        assert len(near) == 8
        assert list(far["path"]) == [f"memory://bucket/{path}" for path in near["path"]]
        pd.testing.assert_frame_equal(far.drop(columns="path"), near.drop(columns="path"))

    @pytest.mark.parametrize("bar", [True, False])
    def test_they_are_counted_as_they_come_and_never_asked_for_twice(
        self, store: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bar: bool
    ) -> None:
        """A bar would need their number, for which the store had to tell all names once more."""
        listed: list[str] = []
        find = remote.find

        def heard(address: str) -> Iterator[str]:
            listed.append(address)
            return find(address)

        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        monkeypatch.setattr(remote, "find", heard)
        monkeypatch.setattr(progress, "_PATIENCE_S", -1.0)
        monkeypatch.setattr(sys, "stderr", terminal := Terminal())
        monkeypatch.setenv("TERM", "xterm")
        bundle = make_tiny_bundle(tmp_path / "bundle")
        score(Plan(arguments=["memory://bucket/scans"], model=bundle), bar=bar)

        assert listed == ["memory://bucket/scans"]
        assert ("5 done" in terminal.getvalue()) == bar
        assert bar or terminal.getvalue() == ""

    def test_what_is_not_there_is_a_row_that_says_so(self, store: None, tmp_path: Path) -> None:
        make_tiny_bundle(tmp_path / "bundle")
        rows = []
        plan = Plan(
            arguments=["memory://bucket/gone.png", "ftp://host/a.png", "memory://bucket/one.png"],
            model=tmp_path / "bundle",
        )
        score(plan, show=rows.append)

        assert [row.status for row in rows] == ["error", "error", "ok"]
        assert "no such file on the store" in rows[0].reason
        assert "a kind that is not known" in rows[1].reason

    @pytest.mark.parametrize(("status", "says"), [(416, ""), (403, "does not let"), (400, "give")])
    def test_a_status_is_found_where_the_library_of_s3_leaves_it(
        self, store: None, monkeypatch: pytest.MonkeyPatch, status: int, says: str
    ) -> None:
        """That of Amazon says of an empty object that the range asked for cannot be had."""

        class RefusedError(Exception):
            response: ClassVar = {"ResponseMetadata": {"HTTPStatusCode": status}}

        def refuse(*_: object, **__: object) -> bytes:
            raise OSError(22, "refused") from RefusedError()

        memory = fsspec.filesystem("memory", use_listings_cache=False)
        monkeypatch.setattr(type(memory), "cat_file", refuse)
        monkeypatch.setattr(remote.time, "sleep", lambda seconds: pytest.fail("it was asked again"))
        if says:
            with pytest.raises(ImageError, match=says):
                remote.read("memory://bucket/one.png")
        else:
            assert remote.read("memory://bucket/one.png") == b""


class TestWeb:
    def test_a_file_is_fetched_with_one_request(self, web: Loopback) -> None:
        assert remote.read(f"{web.address}/one.png?size=full") == PNG
        assert [path for path, _ in web.asked] == ["/one.png?size=full"]

    def test_a_page_of_links_is_a_folder(self, web: Loopback) -> None:
        page = '<a href="{0}">x</a>'.format
        web.files["/scans/"] = "".join(
            page(n) for n in ("?C=N;O=D", "../", "b.png", "deep/", ".hidden.png", "a.PNG", "/x.png")
        ).encode()
        web.files["/scans/deep/"] = page("v.nii").encode()

        assert found(f"{web.address}/scans/") == [
            f"{web.address}/scans/{name}" for name in ("a.PNG", "b.png", "deep/v.nii")
        ]

    def test_of_a_large_file_no_more_is_taken_than_is_wanted(self, web: Loopback) -> None:
        """This server gives the whole file whatever part is asked for, as many do."""
        web.files["/scans/"] = b'<a href="film.mov">x</a><a href="IM1">x</a>'
        web.files["/scans/film.mov"] = bytes(64 * 2**20)
        web.files["/scans/IM1"] = FILES["scans/deep/IM1"] + bytes(64 * 2**20)

        assert found(f"{web.address}/scans/") == [f"{web.address}/scans/IM1"]
        assert web.taken < 40 * 2**20  # what the system holds ready, and no more

    def test_a_file_beyond_the_limit_is_read_no_further(
        self, web: Loopback, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(remote, "Limits", lambda: Limits(max_volume_bytes=2**20))
        web.files["/large.nii"] = bytes(64 * 2**20)

        assert len(remote.read(f"{web.address}/large.nii")) == 2**20 + 1
        assert web.taken < 40 * 2**20

    def test_a_file_that_breaks_off_is_fetched_again(self, web: Loopback) -> None:
        web.breaks.append(20)
        assert remote.read(f"{web.address}/one.png") == PNG
        assert len(web.asked) == 2

    def test_a_server_that_is_busy_is_asked_again(self, web: Loopback) -> None:
        web.statuses[:] = [503, 500]
        assert remote.read(f"{web.address}/one.png") == PNG
        assert len(web.asked) == 3

    @pytest.mark.parametrize(
        ("statuses", "asked", "says"),
        [
            ([404], 1, "there is no such file"),
            ([403], 1, "does not let this user read it"),
            ([500] * 9, 3, "does not give it"),
        ],
    )
    def test_what_cannot_be_had_is_said(
        self, web: Loopback, statuses: list[int], asked: int, says: str
    ) -> None:
        web.statuses[:] = statuses
        with pytest.raises(ImageError, match=says):
            remote.read(f"{web.address}/one.png")
        assert len(web.asked) == asked

    def test_a_reason_never_quotes_the_address_with_its_credentials(self, web: Loopback) -> None:
        web.statuses[:] = [500] * 9
        with pytest.raises(ImageError) as error:
            remote.read(f"{web.address}/one.png?signature=secret")
        assert "secret" not in error.value.reason

    def test_a_server_that_is_down_is_an_error_row(self) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(remote, "_WAITS", ())
            with pytest.raises(ImageError, match="does not give it"):
                remote.read("http://127.0.0.1:1/one.png")


def test_without_the_extra_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)
    with pytest.raises(BraintumorError, match=r"pip install '\.\[cloud\]'"):
        found("s3://bucket/scans")


def test_a_store_whose_library_is_missing_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "s3fs", None)
    with pytest.raises(BraintumorError, match=r"pip install '\.\[cloud\]'"):
        found("s3://bucket/scans")
