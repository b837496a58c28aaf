"""Groups: patients first, then copies and names; never by the order of the rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps
from small_folders import data_set

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.copies import Copy
from braintumor.catalog.groups import Link, group_names, suffix_families, with_groups


def sure(first: int, second: int) -> Link:
    return Link(first, second, 0.995, joins_patients=True)


def weak(first: int, second: int, strength: float = 0.96) -> Link:
    return Link(first, second, strength, joins_patients=False)


def names(patients: list[str], *links: Link) -> list[str]:
    return group_names([f"hash{row}" for row in range(len(patients))], patients, links)


class TestNames:
    def test_a_known_patient_is_the_group(self) -> None:
        assert names(["A", "B", "A"]) == ["pat_A", "pat_B", "pat_A"]

    def test_without_a_patient_copies_hang_together(self) -> None:
        first, second, third, alone = names(["", "", "", ""], sure(0, 1), weak(1, 2))
        assert first == second == third == "dup_hash0"
        assert alone == "dup_hash3"

    def test_copies_of_a_patient_s_slice_are_the_patient_s(self) -> None:
        assert names(["A", "", ""], sure(0, 1), weak(1, 2)) == ["pat_A"] * 3
        assert names(["A", "", ""], weak(0, 1), sure(1, 2)) == ["pat_A"] * 3

    def test_the_same_picture_under_two_patients_keeps_both_together(self) -> None:
        assert names(["A", "B", "A"], sure(0, 1)) == ["pat_A+B"] * 3

    def test_weaker_evidence_joins_no_patients(self) -> None:
        assert names(["A", "B"], weak(0, 1)) == ["pat_A", "pat_B"]
        assert names(["A", "", "B"], weak(0, 1, 0.96), weak(1, 2, 0.97)) == [
            "pat_A",
            "pat_B",
            "pat_B",
        ]

    def test_a_group_is_named_by_its_content(self) -> None:
        assert group_names(["b", "a"], ["", ""], [sure(0, 1)]) == ["dup_a", "dup_a"]


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[str], list[str], list[Link]]:
    """Hashes, patients and links of up to 12 rows."""
    count = draw(st.integers(1, 12))
    patients = draw(st.lists(st.sampled_from(["", "", "A", "B"]), min_size=count, max_size=count))
    row = st.integers(0, count - 1)
    link = st.builds(Link, row, row, st.sampled_from([0.96, 0.97]), st.booleans())
    return [f"{row:03d}" for row in range(count)], patients, draw(st.lists(link, max_size=12))


@given(problems(), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_links_makes_no_difference(
    problem: tuple[list[str], list[str], list[Link]], random: object
) -> None:
    units, patients, links = problem
    plain = dict(zip(units, group_names(units, patients, links), strict=True))
    order = list(range(len(units)))
    random.shuffle(order)  # type: ignore[attr-defined]
    place = {row: new for new, row in enumerate(order)}
    turned = [
        Link(place[link.second], place[link.first], link.strength, link.joins_patients)
        for link in reversed(links)
    ]
    again = group_names([units[row] for row in order], [patients[row] for row in order], turned)
    assert dict(zip([units[row] for row in order], again, strict=True)) == plain


@given(problems())
def test_patients_and_sure_copies_stay_together(
    problem: tuple[list[str], list[str], list[Link]],
) -> None:
    units, patients, links = problem
    groups = group_names(units, patients, links)
    assert all(groups)
    for link in links:
        if link.joins_patients or not (patients[link.first] and patients[link.second]):
            pair = {groups[link.first], groups[link.second]}
            # A weak link may lose to a stronger one, but only against a patient.
            assert len(pair) == 1 or (not link.joins_patients and all("pat_" in g for g in pair))
    for patient in {"A", "B"} & set(patients):
        assert len({g for g, p in zip(groups, patients, strict=True) if p == patient}) == 1


class TestSuffixFamilies:
    def test_ids_that_differ_by_letters_at_the_end_are_a_question(self) -> None:
        ids = ["MR040240", "MR040240B", "MR040240", "MR1C", "MR2", "P", "PB", ""]
        assert suffix_families(ids) == {"MR040240": ("MR040240", "MR040240B")}

    def test_two_suffixes_without_the_bare_id_are_one_too(self) -> None:
        assert suffix_families(["MR7B", "MR7C"]) == {"MR7": ("MR7B", "MR7C")}


class TestWithGroups:
    @pytest.fixture
    def catalog(self, tmp_path: Path) -> Catalog:
        """48 different pictures, one of them mirrored in another split."""
        data_set(tmp_path, count=4)
        with Image.open(tmp_path / "train/glioma/img_0.png") as picture:
            ImageOps.mirror(picture).save(tmp_path / "test/glioma/mirrored.png")
        return Catalog.from_folder(tmp_path)

    def test_every_image_has_a_group_and_copies_share_theirs(self, catalog: Catalog) -> None:
        table = with_groups(catalog).table
        assert (table["group"] != "").all()
        assert table["group"].nunique() == 48
        of = table.set_index("path")["group"]
        assert of["train/glioma/img_0.png"] == of["test/glioma/mirrored.png"]

    def test_names_of_one_source_share_a_group(self, tmp_path: Path) -> None:
        data_set(tmp_path)
        for split, number in (("train", 0), ("test", 1)):
            picture = tmp_path / f"{split}/glioma/img_{number}.png"
            picture.rename(picture.with_name(f"a_png.rf.0000000{number}.png"))
        table = with_groups(Catalog.from_folder(tmp_path), copies=[]).table
        of = table.set_index("path")["group"]
        assert of["train/glioma/a_png.rf.00000000.png"] == of["test/glioma/a_png.rf.00000001.png"]
        assert of.nunique() == 35

    def test_patients_are_asked_first(self, catalog: Catalog) -> None:
        ids = {"train/glioma/img_0.png": "MR1", "train/glioma/img_1.png": "MR1B"}
        of = with_groups(catalog, ids).table.set_index("path")["group"]
        assert of["test/glioma/mirrored.png"] == "pat_MR1"
        assert of["train/glioma/img_1.png"] == "pat_MR1B"
        merged = with_groups(catalog, ids, merge_suffixes=True).table.set_index("path")["group"]
        assert merged["train/glioma/img_1.png"] == merged["train/glioma/img_0.png"] == "pat_MR1"

    def test_what_is_kept_together_is_one_group_and_joins_what_copies_it(
        self, catalog: Catalog
    ) -> None:
        """Clusters that somebody else found are no patients: altered copies join them, too."""
        paths = list(catalog.table["path"])
        names = [f"train/glioma/img_{n}.png" for n in range(4)]
        clusters = dict(zip(names, ("near1", "near1", "near2", "near2"), strict=True))
        rows = [paths.index(name) for name in names]
        altered = [Copy(rows[1], rows[2], 0.96, "upright", "altered")]

        of = with_groups(catalog, together=clusters, copies=[]).table.set_index("path")["group"]
        assert of[names[0]] == of[names[1]] != of[names[2]] == of[names[3]]
        joined = with_groups(catalog, together=clusters, copies=altered)
        of = joined.table.set_index("path")["group"]
        assert len({of[name] for name in names}) == 1
        assert of[names[0]].startswith("dup_")
        people = with_groups(catalog, clusters, copies=altered).table.set_index("path")["group"]
        assert people[names[1]] != people[names[2]]

    def test_what_a_list_calls_a_group_stays_together(self, catalog: Catalog) -> None:
        """The list that `audit --fix` wrote, without the patients file that it was made with."""
        names = [f"train/glioma/img_{n}.png" for n in range(4)]
        listed = dict(zip(names, ("pat_MR1", "pat_MR1", "dup_1", "dup_1"), strict=True))
        groups = [listed.get(path, "") for path in catalog.table["path"]]
        given = replace(catalog, table=catalog.table.assign(group=groups))

        of = with_groups(given, copies=[]).table.set_index("path")["group"]
        assert of[names[0]] == of[names[1]] == "pat_MR1"
        assert of[names[2]] == of[names[3]] != of[names[0]]
        assert (of != "").all()

    def test_a_patient_whom_a_list_names_is_joined_to_what_a_file_says_of_the_same_slices(
        self, catalog: Catalog
    ) -> None:
        names = [f"train/glioma/img_{n}.png" for n in range(3)]
        groups = ["pat_MR1" if path in names[:2] else "" for path in catalog.table["path"]]
        given = replace(catalog, table=catalog.table.assign(group=groups))
        of = with_groups(given, dict.fromkeys(names[1:], "MR2"), copies=[]).table
        assert set(of["group"][of["path"].isin(names)]) == {"pat_MR1+MR2"}

    def test_the_catalogue_given_stays_as_it_is(self, catalog: Catalog) -> None:
        with_groups(catalog)
        assert (catalog.table["group"] == "").all()
