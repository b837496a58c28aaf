"""audit.html: verdict first, everything found with what to do, pictures only where wanted."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_page import Page
from PIL import Image, ImageOps
from small_folders import data_set, picture

from braintumor.catalog.audit import Audit, audit
from braintumor.catalog.audit_page import render, write_page
from braintumor.evaluation.patients import read_patients


@pytest.fixture
def found(tmp_path: Path) -> Audit:
    """A folder with a mirrored copy in test, a contradicted label and a hostile name."""
    root = data_set(tmp_path / "data")
    with Image.open(root / "train/glioma/img_0.png") as image:
        ImageOps.mirror(image).save(root / "test/glioma/again.png")
    picture(root / "train/glioma/<script>alert(1)<.png", 900)
    (tmp_path / "patients.csv").write_text(
        "path,patient,source_label\n"
        "train/glioma/img_1.png,a,pituitary\n"
        "test/glioma/img_1.png,a,glioma\n"
    )
    return audit(root, patients=read_patients(tmp_path / "patients.csv"))


def test_verdict_numbers_findings_and_remedies(found: Audit) -> None:
    page = Page(render(found))
    assert page.text.index(found.verdict) < page.text.index("What was found")
    for finding in found.findings:
        assert finding.sentence in page.text
        assert finding.remedy in page.text
    assert "Test patients in train 1 of 1" in page.text
    assert "Filed under glioma; its source says pituitary" in page.text
    assert "train/glioma/<script>alert(1)<.png" in page.text


def test_the_page_stands_alone(found: Audit) -> None:
    page = Page(render(found))
    page.require_alone()
    page.require_own_ids()


def test_pairs_are_shown_and_left_out_on_request(found: Audit) -> None:
    assert Page(render(found)).tags.count("img") == 3  # a pair, and the contradicted label
    bare = Page(render(found, images=False))
    assert "img" not in bare.tags
    assert "test/glioma/again.png" in bare.text
    assert "without any picture" in bare.text


def test_it_is_written_whole_under_its_name(found: Audit, tmp_path: Path) -> None:
    assert write_page(found, tmp_path / "out") == tmp_path / "out" / "audit.html"
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["audit.html"]


def test_phantoms_are_shouted(tmp_path: Path) -> None:
    data_set(tmp_path)
    (tmp_path / "PHANTOM.txt").touch()
    assert "PHANTOM DATA" in Page(render(audit(tmp_path))).text
