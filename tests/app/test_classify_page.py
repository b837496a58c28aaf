"""The page "Classify", driven without a browser."""

from __future__ import annotations

import io
import json
import logging
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pydicom
import pytest
from page_helpers import as_read, encode, stripes, upload, words
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid
from tiny_bundle import make_tiny_bundle, striped

from braintumor.app import session, texts, verdicts
from braintumor.bundle.classifier import Classifier
from braintumor.bundle.shipped import default_model, shipped
from braintumor.classes import CLASSES

OpenPage = Any
LEFT = re.compile(
    r"At this threshold, (\S+ %) of the 100 test slices that tiny was judged on would be left to a "
    r"person; of the others, \S+ % are right\."
)


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> dict[str, pd.DataFrame]:
    """The tables that the page offers to save, by the model that they are of."""
    tables: dict[str, pd.DataFrame] = {}
    real = verdicts.to_csv

    def spy(predictions: Any) -> str:
        text = real(predictions)
        table = pd.read_csv(io.StringIO(text))
        tables[table["model"][0]] = table
        return text

    monkeypatch.setattr("braintumor.app.verdicts.to_csv", spy)
    return tables


class TestFirstVisit:
    def test_says_that_it_is_for_research_and_no_medical_device(
        self, open_page: OpenPage, tiny: Path
    ) -> None:
        page = open_page(tiny)
        assert not page.exception
        assert "research only" in words(page)
        assert "not a medical device" in words(page)

    def test_offers_a_phantom_of_each_class_and_calls_it_one(
        self, open_page: OpenPage, tiny: Path
    ) -> None:
        page = open_page(tiny)
        assert [one.label for one in page.button] == [
            f"Try: {texts.CLASS_NAMES[name]}" for name in CLASSES
        ]
        assert [one.captions for one in page.get("image")] == [["Phantom (drawn)"]] * 4
        assert "phantom" in words(page)

    def test_a_phantom_is_classified_at_a_click_and_marked(
        self, open_page: OpenPage, tiny: Path
    ) -> None:
        page = open_page(tiny)
        page.button[0].click().run()
        assert not page.exception
        assert texts.PHANTOM_MARK in words(page)
        assert len(page.get("progress")) == 4

    def test_a_network_that_learnt_from_phantoms_is_called_worthless(
        self, open_page: OpenPage, tiny: Path
    ) -> None:
        assert "Learnt from phantoms only" in words(open_page(tiny)).replace("**", "")


class TestOneSlice:
    @pytest.mark.parametrize(
        ("kind", "name"),
        [
            ("upright", "Glioma"),
            ("level", "Meningioma"),
            ("even", "No tumour"),
            ("checked", "Pituitary tumour"),
        ],
    )
    def test_gets_its_class_and_the_confidence_of_all_four_in_words(
        self, open_page: OpenPage, tiny: Path, kind: str, name: str
    ) -> None:
        page = upload(open_page(tiny), stripes(kind))
        expected = Classifier.load(tiny).predict(striped(kind))
        assert not page.exception
        assert f"tiny: {verdicts.headline(expected)}" in words(page)
        assert verdicts.headline(expected).startswith(name)
        bars = page.get("progress")
        told = dict(one.text.strip("*").split(": ") for one in bars)
        assert list(told) == list(texts.CLASS_NAMES.values())
        for bar, share in zip(bars, expected.probabilities.values(), strict=True):
            assert bar.value == int(share * 100)
            assert texts.percent(share) in bar.text

    def test_shows_the_heat_map_and_the_prepared_input_with_words_for_the_blind(
        self, open_page: OpenPage, tiny: Path
    ) -> None:
        page = upload(open_page(tiny), stripes("upright"))
        heat, prepared = page.get("image")[:2]
        assert "What speaks to tiny for glioma" in heat.captions[0]
        assert "heat map of tiny for Glioma" in heat.proto.imgs[0].alt
        assert "64 x 64" in prepared.captions[0]
        assert "prepared input" in prepared.proto.imgs[0].alt

    def test_its_headings_skip_no_level(self, open_page: OpenPage, tiny: Path) -> None:
        page = upload(open_page(tiny), stripes("upright"))
        assert [as_read(one.value) for one in page.header] == ["upright.png"]
        below = [one.value.split()[0] for one in page.markdown if one.value.startswith("#")]
        assert below == ["###"]
        assert not page.subheader

    def test_the_heat_map_of_another_class_can_be_asked_for(
        self, open_page: OpenPage, tiny: Path
    ) -> None:
        page = upload(open_page(tiny), stripes("upright"))
        page.selectbox[0].set_value("meningioma").run()
        assert not page.exception
        assert "for meningioma" in page.get("image")[0].captions[0]

    def test_after_clear_the_heat_map_shows_what_the_network_says(
        self, open_page: OpenPage, tiny: Path
    ) -> None:
        page = upload(open_page(tiny), stripes("upright"))
        page.selectbox[0].set_value("meningioma").run()
        clear(page)
        upload(page, stripes("upright"))
        assert "for glioma" in page.get("image")[0].captions[0]

    def test_the_strength_of_the_heat_map_changes_the_picture(
        self, open_page: OpenPage, tiny: Path
    ) -> None:
        page = upload(open_page(tiny), stripes("upright"))
        before = page.get("image")[0].value
        page.slider(key="strength").set_value(0).run()
        assert page.get("image")[0].value != before

    @pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "WEBP", "TIFF"])
    def test_may_come_in_any_of_the_formats(
        self, open_page: OpenPage, tiny: Path, form: str
    ) -> None:
        page = upload(open_page(tiny), {f"slice.{form.lower()}": encode(striped("level"), form)})
        assert "tiny: Meningioma" in words(page)

    def test_may_be_dicom_without_an_ending(self, open_page: OpenPage, tiny: Path) -> None:
        page = upload(open_page(tiny), {"IM0001": dicom(striped("level"))})
        assert "tiny: Meningioma" in words(page)


class TestThreshold:
    def test_above_the_confidence_a_person_should_look(
        self, open_page: OpenPage, tiny: Path, saved: dict[str, pd.DataFrame]
    ) -> None:
        page = upload(open_page(tiny), stripes("upright"))  # 87.5 % sure
        assert texts.PERSON not in words(page)
        assert saved["tiny"]["status"][0] == "ok"
        page.slider(key="threshold").set_value(0.9).run()
        assert f"Glioma, but {texts.PERSON}." in words(page)
        assert saved["tiny"]["status"][0] == "uncertain"
        assert "0.90" in saved["tiny"]["reason"][0]

    def test_counts_the_images_on_either_side(self, open_page: OpenPage, tiny: Path) -> None:
        page = upload(open_page(tiny), stripes("upright", "level", "even", "checked"))
        assert "Of 4 images at this threshold, 3 are clear; 1 is uncertain" in words(page)
        page.slider(key="threshold").set_value(0.9).run()
        assert "Of 4 images at this threshold, 1 is clear; 3 are uncertain" in words(page)

    def test_says_what_it_did_to_slices_whose_truth_is_known(
        self, open_page: OpenPage, tiny: Path
    ) -> None:
        page = upload(open_page(tiny), stripes("upright"))
        told = LEFT.search(words(page))
        page.slider(key="threshold").set_value(0.99).run()
        later = LEFT.search(words(page))
        assert told
        assert later
        assert float(later[1].split()[0]) > float(told[1].split()[0])

    def test_says_nothing_of_others_where_it_leaves_none(
        self, open_page: OpenPage, tiny: Path
    ) -> None:
        page = upload(open_page(tiny), stripes("upright"))
        page.slider(key="threshold").set_value(1.0).run()
        told = "100 % of the 100 test slices that tiny was judged on would be left to a person."
        assert told in words(page)


class TestSeveralNetworks:
    def test_stand_side_by_side_and_their_disagreement_is_said(
        self, open_page: OpenPage, tiny: Path, turned: Path
    ) -> None:
        page = upload(open_page(tiny, turned), stripes("upright"))
        assert "The networks disagree, so let a person look" in words(page)
        assert "tiny: Glioma" in words(page)
        assert "turned: Meningioma" in words(page)
        assert len(page.get("progress")) == 8

    def test_one_graph_with_another_calibration_is_another_network(
        self, open_page: OpenPage, tiny: Path, tmp_path: Path
    ) -> None:
        folder = Path(shutil.copytree(tiny, tmp_path / "other"))
        card = json.loads((folder / "card.json").read_text())
        card["name"], card["calibration"]["scale"] = "other", [0.2] * 4
        (folder / "card.json").write_text(json.dumps(card))
        page = upload(open_page(tiny, tiny, folder), stripes("upright"))
        told = words(page)
        assert "tiny:" in told
        assert "other:" in told

    def test_that_agree_say_so(self, open_page: OpenPage, tiny: Path, twin: Path) -> None:
        page = upload(open_page(tiny, twin), stripes("upright"))
        assert "Both networks say Glioma." in words(page)
        assert "disagree" not in words(page)

    def test_each_has_a_table_of_its_own_to_save(
        self, open_page: OpenPage, tiny: Path, turned: Path, saved: dict[str, pd.DataFrame]
    ) -> None:
        page = upload(open_page(tiny, turned), stripes("upright", "even"))
        assert [one.label for one in page.get("download_button")] == [
            "Save results of tiny (CSV)",
            "Save results of turned (CSV)",
        ]
        assert list(saved["tiny"]["path"]) == ["upright.png", "even.png"]
        assert list(saved["tiny"]["predicted"]) == ["glioma", "no_tumor"]
        assert list(saved["turned"]["predicted"]) == ["meningioma", "pituitary"]

    def test_the_same_graph_is_offered_once(self, open_page: OpenPage, tiny: Path) -> None:
        page = upload(open_page(tiny, tiny), stripes("upright"))
        assert len(page.get("progress")) == 4

    def test_of_the_same_name_are_told_apart(
        self, open_page: OpenPage, tiny: Path, tmp_path: Path
    ) -> None:
        others = [make_tiny_bundle(tmp_path / name, turn=t) for t, name in ((1, "b"), (2, "tiny"))]
        told = words(upload(open_page(tiny, *others), stripes("upright")))
        for label in ("tiny: ", "tiny (b): ", "tiny (2): "):
            assert f"### {label}" in told

    def test_the_shipped_one_needs_nothing(
        self, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if "cnn" not in shipped():
            pytest.skip("SKIPPED: this tree ships no cnn")
        page = open_page()
        monkeypatch.setattr("braintumor.app.models.shipped", shipped)
        page.run()
        page.button[0].click().run()
        assert not page.exception
        assert f"### {default_model()}: " in words(page)
        # Its evidence is shipped with it, and is of others: the shipped one held no slice back.
        assert f"that networks made like {default_model()} were judged on would be" in words(page)


class TestBadFiles:
    @pytest.mark.parametrize(
        "data", [b"", b"not a picture", encode(striped("even"))[:60]], ids=["empty", "text", "cut"]
    )
    def test_get_a_sentence(self, open_page: OpenPage, tiny: Path, data: bytes) -> None:
        page = upload(open_page(tiny), {"bad.png": data})
        assert not page.exception
        assert len(page.error) == 1
        assert "This file could not be read: " in words(page)
        assert "Traceback" not in words(page)

    def test_do_not_stop_the_good_ones(
        self, open_page: OpenPage, tiny: Path, saved: dict[str, pd.DataFrame]
    ) -> None:
        page = upload(open_page(tiny), {"bad.png": b"no", **stripes("upright")})
        assert "1 image could not be read." in words(page)
        page.selectbox[0].set_value(1).run()
        assert "tiny: Glioma" in words(page)
        table = saved["tiny"]
        assert list(table["status"]) == ["error", "ok"]
        assert table["sha256"].str.len().tolist() == [64, 64]
        assert table["predicted"].isna().tolist() == [True, False]

    def test_a_name_cannot_act_as_markup(self, open_page: OpenPage, tiny: Path) -> None:
        name = "# ![x](http://example.org).png"
        page = upload(open_page(tiny), {name: stripes("even")["even.png"]})
        shown = page.header[0].value
        assert "![" not in shown
        assert as_read(shown) == name


class TestWithoutNetworks:
    def test_the_page_says_so_with_the_remedy(self, open_page: OpenPage) -> None:
        page = open_page()
        assert not page.exception
        assert "braintumor app --model FOLDER" in words(page)
        assert texts.NO_NETWORK in words(page)

    def test_a_damaged_bundle_is_named_and_the_others_work(
        self, open_page: OpenPage, tiny: Path, tmp_path: Path
    ) -> None:
        broken = tmp_path / "broken"
        broken.mkdir()
        (broken / "card.json").write_text("{}")
        page = upload(open_page(broken, tiny), stripes("upright"))
        assert str(broken) in words(page)
        assert "tiny: Glioma" in words(page)


class TestMemory:
    def test_a_rerun_asks_no_network_again(
        self, open_page: OpenPage, tiny: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[str] = []
        real = Classifier.predict_many

        def spy(self: Classifier, images: Any, **options: Any) -> Any:
            named = list(images)
            asked.extend(one.name for one in named)
            return real(self, named, **options)

        monkeypatch.setattr(Classifier, "predict_many", spy)
        page = upload(open_page(tiny), stripes("upright", "even"))
        assert sorted(asked) == ["even.png", "upright.png"]
        page.slider(key="threshold").set_value(0.9).run()
        assert len(asked) == 2
        upload(page, {"again.png": stripes("even")["even.png"]})
        assert len(asked) == 2  # the same content under another name is known

    def test_the_same_content_keeps_each_of_its_names(
        self, open_page: OpenPage, tiny: Path, saved: dict[str, pd.DataFrame]
    ) -> None:
        data = stripes("even")["even.png"]
        upload(open_page(tiny), {"a.png": data, "b.png": data})
        assert list(saved["tiny"]["path"]) == ["a.png", "b.png"]

    def test_clear_forgets_everything(self, open_page: OpenPage, tiny: Path) -> None:
        page = upload(open_page(tiny), stripes("upright"))
        clear(page)
        assert "upright.png" not in words(page)
        assert not page.session_state["results"]
        assert not page.session_state["explanations"]

    def test_only_so_many_slices_are_kept_for_their_maps(
        self, open_page: OpenPage, tiny: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(session, "_MAX_EXPLANATIONS", 2)
        page = upload(open_page(tiny), stripes("upright", "level", "even", "checked"))
        for index in range(4):
            page.selectbox[0].set_value(index).run()
        assert len(page.session_state["explanations"]) == 2

    def test_no_file_name_is_logged(
        self, open_page: OpenPage, tiny: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        data = stripes("upright")["upright.png"]
        with caplog.at_level(logging.DEBUG):
            upload(open_page(tiny), {"Jane_Doe_1970.png": data, "Jane_Doe_bad.png": b"no"})
        assert "Jane" not in caplog.text


def clear(page: Any) -> None:
    """Forget the images, as a visitor would."""
    next(one for one in page.button if one.label == "Clear").click().run()


def dicom(pixels: Any) -> bytes:
    """A grey slice as a DICOM file."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
    data.PatientName = "Doe^Jane"
    data.Rows, data.Columns = pixels.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 0
    data.PixelData = pixels.astype(np.uint16).tobytes()
    out = io.BytesIO()
    pydicom.dcmwrite(out, data)
    return out.getvalue()
