"""`--same-as`: what differs from the manifest of an earlier fetch is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from made_matlab import zipped
from made_sources import made_source, png

from braintumor.catalog.fetch.recipes import Fetch, fetch
from braintumor.errors import BraintumorError

COUNTS = {"train/glioma": 2, "test/no_tumor": 1}
FILES = {
    "export/train/glioma/a.png": png(1),
    "export/train/glioma/b.png": png(2),
    "export/test/no_tumor/c.png": png(3),
}
SOURCE = made_source("zip", COUNTS)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "mine.zip"
    path.write_bytes(zipped(FILES))
    return path


@pytest.fixture
def manifest(archive: Path, tmp_path: Path) -> Path:
    """Of a fetch of the archive, under the name that its owner gave it."""
    fetch(Fetch(SOURCE, tmp_path / "out", archive=archive))
    return tmp_path / "out" / "manifest.json"


def test_another_file_than_the_one_before_is_refused_whatever_it_is_called(
    archive: Path, manifest: Path, tmp_path: Path
) -> None:
    same = Path(shutil.copy(archive, tmp_path / "renamed.zip"))
    assert fetch(Fetch(SOURCE, tmp_path / "a", archive=same, same_as=manifest))["images"] == 3
    for name in ("other.zip", archive.name):
        other = tmp_path / name
        other.write_bytes(zipped(FILES | {"export/train/glioma/a.png": png(9)}))
        with pytest.raises(BraintumorError, match=f"{name} is not the file that was fetched"):
            fetch(Fetch(SOURCE, tmp_path / "b", archive=other, same_as=manifest))
    assert not (tmp_path / "b").exists()


def test_files_that_are_not_those_of_the_manifest_are_refused(
    archive: Path, manifest: Path, tmp_path: Path
) -> None:
    table = json.loads(manifest.read_text())
    table["files"]["train/glioma/a.png"] = "0" * 64
    manifest.write_text(json.dumps(table))
    with pytest.raises(BraintumorError, match=r"fetched as made is not what .*manifest"):
        fetch(Fetch(SOURCE, tmp_path / "b", archive=archive, same_as=manifest))
    assert not (tmp_path / "b").exists()


def test_a_manifest_of_another_data_set_says_nothing(
    archive: Path, manifest: Path, tmp_path: Path
) -> None:
    other = SOURCE.model_copy(update={"name": "another"})
    with pytest.raises(BraintumorError, match=r"manifest\.json is of made: name the"):
        fetch(Fetch(other, tmp_path / "b", archive=archive, same_as=manifest))
