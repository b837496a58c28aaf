"""The journal of a table: what it takes, and what it says where it cannot."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from braintumor.bundle.prediction import Prediction
from braintumor.errors import BraintumorError
from braintumor.images.decode import Place
from braintumor.scoring.journal import Digest, Journal

NAMES = ["scans/ä скан.png", "\ufffd", "\udc80", "\ud800"]


def test_the_digest_is_over_the_names_in_utf_8() -> None:
    """So that a table begun with an earlier version can be gone on with."""
    digest = Digest()
    for name in ("scans/a.png", NAMES[0]):
        digest.add(name)
    assert digest.hex() == hashlib.sha256(f"scans/a.png\0{NAMES[0]}\0".encode()).hexdigest()


def test_the_digest_takes_any_name_whatever_the_system_is_set_to() -> None:
    code = (
        "from braintumor.scoring.journal import Digest\n"
        f"for name in {NAMES!a}:\n"
        "    digest = Digest()\n    digest.add(name)\n    print(digest.hex())"
    )
    old = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    told = [
        subprocess.run(
            [sys.executable, "-c", code], env=os.environ | more, capture_output=True, check=True
        ).stdout.split()
        for more in (old, {"PYTHONUTF8": "1"})
    ]
    assert told[0] == told[1]
    assert len(set(told[0])) == len(NAMES)


def test_a_disk_that_is_full_when_series_are_summed_up_is_one_sentence(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "t.csv", {})
    for k in range(500):
        place = Place(series=f"{k // 5:064}", number=k)
        journal.add(
            Prediction(
                path=f"{k}.png", sha256="", status="ok", model="m", model_sha256="", place=place
            )
        )
    pages = journal._db.execute("PRAGMA page_count").fetchone()[0]
    journal._db.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(BraintumorError, match=r"t\.csv cannot be written .*full.*: make room"):
        journal.has_series()
    journal.close()


def test_a_slice_that_was_named_twice_counts_once_in_its_series(tmp_path: Path) -> None:
    """And a series of nothing but copies is none: it takes no number from those that are."""
    journal = Journal(tmp_path / "t.csv", {})
    given = [("c.dcm", "one", "33"), ("c.dcm", "one", "33")]
    given += [("a.dcm", "two", "11"), ("copy.dcm", "two", "11"), ("b.dcm", "two", "22")]
    for path, series, sha256 in given:
        journal.add(
            Prediction(
                path=path, sha256=sha256, status="ok", model="m", model_sha256="",
                place=Place(series=series),
            )
        )  # fmt: skip
    (found,) = journal.summaries()
    assert (found.number, [one.path for one in found.slices]) == (1, ["a.dcm", "b.dcm"])
    journal.close(remove=True)
