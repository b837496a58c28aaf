"""What a picture is known by, from one upload to the next."""

from __future__ import annotations

import io
import zipfile

import pytest

pytest.importorskip("streamlit", reason="SKIPPED FOR WANT OF THE EXTRA [app]")
from made_dicom import dataset, saved

from braintumor.app.session import Picture, _pictures_of
from braintumor.files import sha256_bytes
from braintumor.images.decode import ImageError, RefusedError

CT = saved(dataset(Modality="CT"))


def archive(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, data in files.items():
            file.writestr(f"{name}.dcm", data)
    return out.getvalue()


def test_another_error_under_the_same_name_is_another_picture() -> None:
    """Two archives of one name: what was said of the first is not said of the second."""
    (refused, _) = _pictures_of("a.zip", archive(x=CT, y=CT))
    (damaged, _) = _pictures_of("a.zip", archive(x=CT[:200], y=CT))
    assert refused.name == damaged.name
    assert refused.key != damaged.key
    (again, _) = _pictures_of("a.zip", archive(x=CT, y=CT))
    assert again.key == refused.key


def test_a_refused_file_keeps_its_hash() -> None:
    (refused, _) = _pictures_of("a.zip", archive(x=CT, y=CT))
    assert isinstance(refused.source, RefusedError)
    assert refused.sha256 == sha256_bytes(CT)


def test_a_refusal_and_a_failure_with_the_same_words_are_told_apart() -> None:
    refused, failed = (Picture("a", kind("a", "why"), "") for kind in (RefusedError, ImageError))
    assert refused.key != failed.key
