"""A DICOM header is read whatever its encoding, and cannot take absurd memory or time."""

from __future__ import annotations

import io
import struct
import tracemalloc
from typing import Any

import numpy as np
import pydicom
import pytest
from made_dicom import SECRETS, VALUES, dataset, saved
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from braintumor.images import dicom
from braintumor.images.choice import Choice
from braintumor.images.decode import ImageError, Limits, Slice, read_slice
from braintumor.images.dicom_header import HeaderError, read_header

SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]
MANY, LONG = "more elements than are accepted", "absurdly long"


def refused(data: bytes) -> str:
    """The sentence that a file is refused with."""
    with pytest.raises(ImageError) as error:
        read_slice(data, name="x.dcm")
    text = str(error.value)
    assert text.startswith("x.dcm cannot be used: ")
    assert not any(secret in text for secret in SECRETS)
    return text


def item(**elements: Any) -> Dataset:
    ds = Dataset()
    for name, value in elements.items():
        setattr(ds, name, value)
    return ds


def implicit_with(element: bytes, before: bytes = b"\xe0\x7f\x10\x00") -> bytes:
    """An implicit VR file with an element put in before another."""
    data = saved(dataset(syntax=ImplicitVRLittleEndian))
    at = data.rindex(before)
    return data[:at] + element + data[at:]


def empty(count: int) -> bytes:
    """Implicit VR elements of odd groups from 0029 on, without a value."""
    return b"".join(
        struct.pack("<HHL", 0x0029 + 2 * (k // 0xF000), 0x1000 + k % 0xF000, 0)
        for k in range(count)
    )


class TestDeflated:
    def test_however_late_the_file_says_so(self) -> None:
        ds = dataset(syntax=DeflatedExplicitVRLittleEndian)
        data = saved(ds)
        at = data.index(b"\x02\x00\x10\x00UI")
        private = b"\x02\x00\x02\x01OB\0\0" + struct.pack("<L", 9000) + bytes(9000)
        late = data[:at] + private + data[at:]
        assert b"1.2.840.10008.1.2.1.99" not in late[:4096]
        assert "deflated" in refused(late)

    def test_a_file_that_only_mentions_it_is_read(self) -> None:
        ds = dataset(AvailableTransferSyntaxUID=DeflatedExplicitVRLittleEndian)
        np.testing.assert_array_equal(read_slice(saved(ds)).pixels, VALUES)


class TestLong:
    def test_a_million_values_in_one_element_are_not_taken_apart(self) -> None:
        values = b"1\\" * 10**6
        data = implicit_with(struct.pack("<HHL", 0x0028, 0x1050, len(values)) + values)
        tracemalloc.start()
        try:
            assert LONG in refused(data)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 6 * len(data)

    @pytest.mark.parametrize("undefined", [False, True])
    def test_nor_in_an_item_of_a_sequence(self, undefined: bool) -> None:
        ds = dataset(syntax=ImplicitVRLittleEndian)
        ds.PerFrameFunctionalGroupsSequence = [
            item(FrameVOILUTSequence=[item(WindowCenter=["1"] * 40_000, WindowWidth="2")])
        ]
        ds["PerFrameFunctionalGroupsSequence"].is_undefined_length = undefined
        assert LONG in refused(saved(ds))

    def test_a_list_of_character_sets(self) -> None:
        sets = b"\\" * 10**5
        element = struct.pack("<HHL", 0x0008, 0x0005, len(sets)) + sets
        assert LONG in refused(implicit_with(element, before=b"\x08\x00\x16\x00"))

    @pytest.mark.parametrize("syntax", SYNTAXES)
    def test_what_may_be_long_is_read(self, syntax: str) -> None:
        """What stays bytes, as private elements and overlays do, and long lists of sane length."""
        ds = dataset(syntax=syntax, FrameTimeVector=["1"] * 4096)
        ds.private_block(0x0029, "MADE UP", create=True).add_new(1, "OB", bytes(2 * 2**20))
        ds.add_new(0x60003000, "OW", bytes(2 * 2**20))
        np.testing.assert_array_equal(read_slice(saved(ds)).pixels, VALUES)


class TestMany:
    @pytest.mark.parametrize("syntax", SYNTAXES)
    def test_zeros_that_pad_a_file_are_no_elements(self, syntax: str) -> None:
        """A real series of a clinic has a file with 2 MiB of them behind its pixels."""
        padded = saved(dataset(syntax=syntax)) + bytes(2**21)
        np.testing.assert_array_equal(read_slice(padded).pixels, VALUES)

    def test_elements_of_the_file(self) -> None:
        assert MANY in refused(implicit_with(empty(20_000)))
        np.testing.assert_array_equal(read_slice(implicit_with(empty(5_000))).pixels, VALUES)

    @pytest.mark.parametrize("undefined", [True, False])
    @pytest.mark.parametrize("items", [True, False])
    def test_elements_and_items_of_a_sequence(self, items: bool, undefined: bool) -> None:
        """Those of a sequence of known length, which is parsed when it is asked for, too."""
        item_, elements = b"\xfe\xff\x00\xe0", empty(120_000)
        inside = item_ + struct.pack("<L", len(elements)) + elements
        if items:
            inside = (item_ + bytes(4)) * 40_000
        size = 0xFFFFFFFF if undefined else len(inside)
        end = b"\xfe\xff\xdd\xe0" + bytes(4) if undefined else b""
        sequence = struct.pack("<HHL", 0x5200, 0x9229, size) + inside + end
        assert MANY in refused(implicit_with(sequence))

    @pytest.mark.parametrize("deep", [False, True])
    @pytest.mark.parametrize("undefined", [False, True])
    def test_the_sequences_of_a_file_share_what_is_allowed(
        self, undefined: bool, deep: bool
    ) -> None:
        """Those inside others too, each of which is parsed only when it is asked for."""
        few = item()
        for k in range(6_000):
            few.add_new(0x00291000 + k, "OB", b"")
        names = ("RequestAttributes", "ProcedureCode", "AnatomicRegion", "ReferencedStudy",
                 "ReferencedImage", "SourceImage")  # fmt: skip
        ds = dataset(syntax=ImplicitVRLittleEndian)
        for name in names:
            inside = item(ConceptNameCodeSequence=[few]) if deep else few
            setattr(ds, f"{name}Sequence", [inside])
            ds[f"{name}Sequence"].is_undefined_length = undefined and deep
        read_ = read_header(saved(ds))

        def elements(name: str) -> int:
            one = read_[f"{name}Sequence"].value[0]
            return len(one.ConceptNameCodeSequence[0] if deep else one)

        assert elements(names[0]) == 6_000
        with pytest.raises(HeaderError, match=MANY):
            list(map(elements, names))

    @pytest.mark.parametrize("syntax", SYNTAXES)
    @pytest.mark.parametrize("undefined", [False, True])
    def test_an_enhanced_object_has_many_for_each_frame(self, syntax: str, undefined: bool) -> None:
        frames = 200
        ds = dataset(np.zeros((8, 8), np.uint16), syntax=syntax, NumberOfFrames=frames)
        ds.PixelData = bytes(frames * 128)
        ds.PerFrameFunctionalGroupsSequence = [
            item(
                PlanePositionSequence=[item(ImagePositionPatient=[0, 0, k])],
                PixelValueTransformationSequence=[
                    item(RescaleSlope="1", RescaleIntercept=str(k), ImageComments="x" * k)
                ],
                **{f"Selector{kind}Value": "7" for kind in ("DS", "IS", "LO", "SH", "CS", "UT")},
            )
            for k in range(frames)
        ]
        ds["PerFrameFunctionalGroupsSequence"].is_undefined_length = undefined
        for one in ds.PerFrameFunctionalGroupsSequence:
            one.is_undefined_length_sequence_item = undefined
            one["PlanePositionSequence"].is_undefined_length = undefined
        found = list(dicom.slices(saved(ds), name="x", limits=Limits(), choice=Choice()))
        assert len(found) == frames
        last = found[-1]
        assert isinstance(last, Slice)
        assert last.pixels.max() == frames - 1

    @pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
    def test_text_in_a_sequence_keeps_its_characters(self, syntax: str) -> None:
        """A sequence is parsed as pydicom does it, with the character set of the file."""
        ds = dataset(syntax=syntax, SpecificCharacterSet="ISO_IR 192")
        ds.AnatomicRegionSequence = [item(CodeMeaning="Schädel", CodeValue="1")]
        ours = read_header(saved(ds))
        theirs = pydicom.dcmread(io.BytesIO(saved(ds)))
        assert ours.AnatomicRegionSequence[0].CodeMeaning == "Schädel"
        assert ours == theirs
