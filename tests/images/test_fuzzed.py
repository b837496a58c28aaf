"""What `tools/fuzz.py` found: files that once broke the reading, each made anew.

It ran for ten minutes and more over every format of `made_files`; see its first lines.
"""

from __future__ import annotations

import io
import zipfile

import pydicom
import pytest
from made_dicom import saved
from made_files import made_files, picture

from braintumor.images import codecs
from braintumor.images.decode import ImageError, Slice
from braintumor.images.read import read_slices


def test_a_file_without_a_name_in_an_archive() -> None:
    """zipfile's own `is_dir` trips over it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("x", b"no name")
        archive.writestr("b.png", picture("PNG"))
    data = out.getvalue()
    at = data.index(b"PK\x01\x02")
    # The list of files says that the first one's name is empty, and "x" its comment.
    header = bytearray(data[at : at + 46])
    header[28:30], header[32:34] = b"\0\0", b"\x01\0"
    found = list(read_slices(data[:at] + bytes(header) + data[at + 46 :], name="a.zip"))
    assert [one.name for one in found] == ["a.zip/b.png"]


def test_the_undamaged_files_are_read() -> None:
    """So that damage, and nothing else, is what the fuzzer looks at."""
    for name, data in made_files().items():
        found = list(read_slices(data, name=name))
        assert found
        assert not [one for one in found if isinstance(one, ImageError)]
        assert all(isinstance(one, Slice) for one in found)


@pytest.mark.parametrize(
    ("kind", "at", "value"),
    [("dicom-jpeg-ls", 6, 0xFF), ("dicom-jpeg-lossless", 15, 0x01), ("dicom-jpeg", 2, 0x01)],
)
def test_a_frame_that_kills_the_native_decoder_costs_one_file(
    kind: str, at: int, value: int
) -> None:
    """One byte is enough; in this very process it would end it."""
    ds = pydicom.dcmread(io.BytesIO(made_files()[kind]))
    (frame,) = pydicom.encaps.generate_frames(ds.PixelData, number_of_frames=1)
    ds.PixelData = pydicom.encaps.encapsulate([frame[:at] + bytes([value]) + frame[at + 1 :]])
    (whole,) = read_slices(made_files()[kind])
    assert isinstance(whole, Slice)
    child = codecs._RUNNING[0].process
    (only,) = read_slices(saved(ds), name="deadly.dcm")
    assert child.returncode is not None
    assert child.returncode != 0
    assert isinstance(only, ImageError)
    assert str(only).startswith("deadly.dcm cannot be used: its compressed pixels are damaged")
    (again,) = read_slices(made_files()[kind])
    assert isinstance(again, Slice)
