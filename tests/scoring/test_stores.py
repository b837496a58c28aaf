"""S3 and Google Cloud Storage through their own libraries, against emulators on this computer.

They ask for servers and the extra [cloud], so they run only where these are (docs/scale.md says
how); elsewhere they are skipped by name.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from made_dicom import dataset, saved
from made_files import nifti, picture
from tiny_bundle import make_tiny_bundle

from braintumor.images.decode import ImageError
from braintumor.scoring import remote
from braintumor.scoring.inputs import Inputs, name_of
from braintumor.scoring.score import Plan, score

# Which variable names the server, and the library that asks it.
_SERVERS = {
    "s3": ("AWS_ENDPOINT_URL", "s3fs"),
    "gs": ("STORAGE_EMULATOR_HOST", "gcsfs"),
}
FILES = {
    "scans/b.png": picture("PNG"),
    "scans/deep/v.nii": nifti(),
    "scans/deep, too/IM1": saved(dataset()),
    "scans/notes.txt": b"no image",
    "scans/.hidden.png": picture("PNG"),
}


@pytest.fixture(params=list(_SERVERS))
def bucket(request: pytest.FixtureRequest) -> tuple[str, Any]:
    """The address of a bucket with FILES in it, and the store that holds it."""
    variable, library = _SERVERS[request.param]
    where = f"SKIPPED FOR WANT OF A SERVER FOR {request.param}:// NAMED BY {variable}"
    if not os.environ.get(variable, "").startswith("http://127.0.0.1:"):
        pytest.skip(where)
    pytest.importorskip(library, reason="SKIPPED FOR WANT OF THE EXTRA [cloud]")
    fsspec = pytest.importorskip("fsspec")
    store = fsspec.filesystem(request.param, use_listings_cache=False)
    name = "braintumor-tests"
    if not store.exists(name):
        store.mkdir(name)
    for path in store.find(name):
        store.rm_file(path)
    for path, data in FILES.items():
        store.pipe_file(f"{name}/{path}", data)
    return f"{request.param}://{name}", store


def test_the_answers_are_those_of_the_same_files_here(
    bucket: tuple[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, _ = bucket
    make_tiny_bundle(tmp_path / "bundle")
    monkeypatch.chdir(tmp_path)
    for name, data in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    for argument, out in ((f"{address}/scans", "there.csv"), ("scans", "here.csv")):
        score(Plan(arguments=[argument], model=Path("bundle"), out=Path(out)))

    there, here = pd.read_csv("there.csv"), pd.read_csv("here.csv")
    assert len(here) > len(FILES) - 2, "a volume has several slices"
    assert list(there["path"]) == [f"{address}/{path}" for path in here["path"]]
    pd.testing.assert_frame_equal(there.drop(columns="path"), here.drop(columns="path"))


def test_patterns_and_single_files_are_found(bucket: tuple[str, Any]) -> None:
    address, _ = bucket
    for typed, found in (("scans/*.png", "scans/b.png"), ("scans/notes.txt", "scans/notes.txt")):
        assert [name_of(item) for item in Inputs([f"{address}/{typed}"])] == [f"{address}/{found}"]


def test_an_empty_file_is_empty_and_no_failure_of_the_store(
    bucket: tuple[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 calls the first bytes of an empty object a range that cannot be had."""
    address, store = bucket
    monkeypatch.setattr(remote, "_WAITS", ())
    store.pipe_file(f"{address}/empty.png", b"")
    assert remote.read(f"{address}/empty.png") == b""


@pytest.mark.parametrize("path", ["gone.png", "../no-such-bucket-of-ours/gone.png"])
def test_what_is_not_there_is_said_at_once(
    bucket: tuple[str, Any], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, _ = bucket
    asked = f"{address}/{path}".replace("braintumor-tests/../", "")
    monkeypatch.setattr(remote.time, "sleep", lambda seconds: pytest.fail("it was asked again"))
    with pytest.raises(ImageError, match="there is no such file on the store"):
        remote.read(asked)
