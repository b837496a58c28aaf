"""A download is whole and verified, or not there; and what has arrived is not fetched twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback_server import Loopback, loopback

from braintumor.catalog.fetch import download as module
from braintumor.catalog.fetch.download import (
    DownloadError,
    Expected,
    Fetched,
    Patience,
    download,
    named,
)

DATA = bytes(range(256)) * 40
MD5 = hashlib.md5(DATA).hexdigest()
SHA256 = hashlib.sha256(DATA).hexdigest()
HASTY = Patience(tries=2, pause_s=0.001, timeout_s=5.0)


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as one:
        one.files["/x.zip"] = DATA
        yield one


def get(server: Loopback, folder: Path, expected: Expected | None = None) -> Fetched:
    return download(f"{server.address}/x.zip?key=secret", folder / "x.zip", expected, HASTY)


def test_a_file_arrives_whole_with_its_hashes(server: Loopback, tmp_path: Path) -> None:
    got = get(server, tmp_path, Expected(size=len(DATA), md5=MD5, sha256=SHA256))
    assert (tmp_path / "x.zip").read_bytes() == DATA
    assert (got.size, got.sha256, got.md5) == (len(DATA), SHA256, MD5)
    assert list(tmp_path.iterdir()) == [tmp_path / "x.zip"]


def test_what_breaks_off_goes_on_where_it_stopped(server: Loopback, tmp_path: Path) -> None:
    server.breaks = [1000, 2000, 0]
    assert get(server, tmp_path).sha256 == SHA256
    wanted = [asked for _, asked in server.asked]
    assert wanted == ["", "bytes=1000-", "bytes=3000-", "bytes=3000-"]


def test_the_next_call_goes_on_too_as_after_ctrl_c(server: Loopback, tmp_path: Path) -> None:
    (tmp_path / "x.zip.part").write_bytes(DATA[:5000])
    assert get(server, tmp_path).sha256 == SHA256
    assert server.asked[0][1] == "bytes=5000-"


def test_ctrl_c_leaves_the_part_and_nothing_under_the_final_name(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PIECE", 100)

    def stop(part: module._Part, piece: bytes) -> None:
        part.size += len(piece)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module._Part, "_count", stop)
        with pytest.raises(KeyboardInterrupt):
            get(server, tmp_path)
    (left,) = tmp_path.iterdir()
    assert left.name == "x.zip.part"
    assert 0 < left.stat().st_size < len(DATA)
    assert get(server, tmp_path).sha256 == SHA256


def test_a_part_that_is_complete_already_is_not_fetched(server: Loopback, tmp_path: Path) -> None:
    (tmp_path / "x.zip.part").write_bytes(DATA)
    assert get(server, tmp_path).sha256 == SHA256  # the server said that there is no more
    (tmp_path / "x.zip").rename(tmp_path / "x.zip.part")
    server.asked.clear()
    assert get(server, tmp_path, Expected(size=len(DATA))).sha256 == SHA256
    assert server.asked == []


def test_a_server_that_cannot_begin_in_the_middle_begins_anew(
    server: Loopback, tmp_path: Path
) -> None:
    server.ranges, server.breaks = False, [1000]
    assert get(server, tmp_path, Expected(sha256=SHA256)).size == len(DATA)


def test_a_server_that_always_breaks_off_is_given_up(server: Loopback, tmp_path: Path) -> None:
    server.ranges, server.breaks = False, [1000] * 50
    with pytest.raises(DownloadError, match=r"broke off.*goes on from there"):
        get(server, tmp_path)
    assert len(server.asked) == 3  # one brought something new, two did not


def test_a_failure_that_passes_is_waited_for(server: Loopback, tmp_path: Path) -> None:
    server.statuses = [500]
    assert get(server, tmp_path).sha256 == SHA256
    server.statuses = [503, 429]
    with pytest.raises(DownloadError, match="429"):
        get(server, tmp_path / "other")


@pytest.mark.parametrize("expected", [Expected(sha256="0" * 64), Expected(md5="0" * 32)])
def test_another_file_than_expected_is_thrown_away(
    server: Loopback, tmp_path: Path, expected: Expected
) -> None:
    with pytest.raises(DownloadError, match="thrown away"):
        get(server, tmp_path, expected)
    assert list(tmp_path.iterdir()) == []


def test_more_than_expected_is_not_taken(server: Loopback, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="more than"):
        get(server, tmp_path, Expected(size=100))
    assert not (tmp_path / "x.zip").exists()


def test_a_file_that_is_not_there_is_said_at_once_and_keys_are_not(
    server: Loopback, tmp_path: Path
) -> None:
    server.files.clear()
    with pytest.raises(DownloadError, match="404, it is not there") as caught:
        get(server, tmp_path)
    assert len(server.asked) == 1
    assert "secret" not in str(caught.value)
    assert named("https://user:pass@host/a/b?key=secret#x") == "https://host/a/b"


def test_nobody_there_is_a_sentence(tmp_path: Path) -> None:
    with loopback() as gone:
        address = gone.address
    with pytest.raises(DownloadError, match=r"no connection.*try again later"):
        download(f"{address}/x", tmp_path / "x", None, HASTY)
    with pytest.raises(DownloadError, match="http://"):
        download((tmp_path / "x").as_uri(), tmp_path / "y", None, HASTY)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="SKIPPED: no /dev/full here")
def test_a_full_disk_is_a_sentence_that_names_the_file(server: Loopback, tmp_path: Path) -> None:
    (tmp_path / "x.zip.part").symlink_to("/dev/full")
    with pytest.MonkeyPatch.context() as patch:
        # /dev/full never ends when it is read.
        patch.setattr(Path, "exists", lambda self: False)
        with pytest.raises(DownloadError, match=r"x\.zip\.part cannot be written.*make room"):
            get(server, tmp_path)
