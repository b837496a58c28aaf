"""How a run is begun or gone on with: what must be as it was, and that nobody else trains in it.

Knows records, digests and the lock; not how anything is trained.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from braintumor.catalog.catalog import Catalog
from braintumor.catalog.lesions import Lesions
from braintumor.catalog.manifest import attribution
from braintumor.errors import BraintumorError, InUseError
from braintumor.files import alone, sha256_bytes, sha256_of
from braintumor.processor import cores
from braintumor.training.learnt import require_start
from braintumor.training.predict import finished_model
from braintumor.training.recipe import Recipe, read_record
from braintumor.training.run import RunFolder
from braintumor.training.sources import Sources

# What must not have changed where a run is resumed.
_SAME = ("catalog_sha256", "extra_sha256", "masks", "start_sha256")
# The same, which records did not always tell.
_SAME_IF_TOLD = ("masks_sha256", "imagenet_weights_sha256", "groups_sha256", "lesions_sha256")
# What a record's digests are of, as messages call it.
CALLED = {
    "catalog_sha256": "images, or another split of them,",
    "extra_sha256": "--extra images",
    "extra_given_sha256": "--extra images",
    "masks": "masks",
    "masks_sha256": "masks",
    "start_sha256": "weights to begin with",
    "imagenet_weights_sha256": "ImageNet weights",
    "groups_sha256": "patients",
    "lesions_sha256": "masks for the same images",
}
# What gives the same again; all others are what is in a folder now.
_AGAIN = {
    "catalog_sha256": "give the same --split and --patients",
    "start_sha256": "give the same --start",
    "imagenet_weights_sha256": "name their file with --weights",
    "groups_sha256": "give the same --patients",
    "lesions_sha256": "give the same --patients",
}
_LOCK = "training"
_Standing = Literal["new", "unfinished", "finished"]


def facts_of(
    catalog: Catalog, recipe: Recipe, sources: Sources, start: Path | None
) -> dict[str, Any]:
    """What a run's record says from its beginning on, but for the weights.

    Raises:
        BraintumorError: as `require_start`.
    """
    import keras

    counts = catalog.table.groupby("split").size()
    parts = (catalog.subset("train"), *sources.extra)
    facts: dict[str, Any] = {
        "catalog_sha256": catalog.digest(),
        "dataset": catalog.root.resolve().name,
        "phantom": catalog.phantom,
        "images": {str(split): int(count) for split, count in counts.items()},
        "backend": keras.backend.backend(),
        "cores": cores(),
        **sources.record(),
    }
    if whose := attribution(catalog.root):
        facts["attribution"] = whose
    # A catalogue's digest tells neither groups nor masks; they matter only where they are used.
    if recipe.patient_balance > 0:
        facts["groups_sha256"] = _groups_digest(parts)
    if sources.lesions is not None:
        facts["lesions_sha256"] = _lesions_digest(parts, sources.lesions)
    if start is not None:
        require_start(start, recipe, catalog)
        facts["start_sha256"] = sha256_of(finished_model(start))
    return facts


def is_finished(run: RunFolder) -> bool:
    """Whether nothing is left to be done in a run."""
    return run.recipe.is_file() and "seconds" in read_record(run.recipe)  # written last


@contextmanager
def begun(
    run: RunFolder,
    recipe: Recipe,
    catalog: Catalog,
    facts: dict[str, Any],
    *,
    resume: bool,
    further: Catalog | None = None,
) -> Iterator[bool]:
    """Have a run's folder to oneself, with recipe and catalogue in it, and `learnt.further`.

    When the block ends well, what only an unfinished training needs is removed.

    Yields:
        Whether there is anything to do; False where a resumed run is finished already.

    Raises:
        BraintumorError: the folder holds something else, or was begun with something else.
        InUseError: another process trains in it. Nothing is changed in it in any of these cases.
    """
    if _standing(run, recipe, catalog, facts, resume=resume) == "finished":
        yield False
        run.clear_checkpoint()  # a kill may have left it
        return
    with _alone(run):
        # Asked again, for another process may have trained since.
        standing = _standing(run, recipe, catalog, facts, resume=resume)
        if standing == "new":
            catalog.write(run.catalog)
            if further is not None:
                further.write(run.further)
            recipe.write(run.recipe, record=facts)
        yield standing != "finished"
    run.clear_checkpoint()


@contextmanager
def _alone(run: RunFolder) -> Iterator[None]:
    """Hold the run's lock. It lies in the checkpoint's folder, and so goes when the run is done;
    the system frees it where a training is killed."""
    run.checkpoint.mkdir(parents=True, exist_ok=True)
    busy = InUseError(
        f"another process is training in {run.root}: wait until it is done, or choose another "
        "folder"
    )
    with alone(run.checkpoint / _LOCK, busy):
        yield


def _standing(
    run: RunFolder, recipe: Recipe, catalog: Catalog, facts: dict[str, Any], *, resume: bool
) -> _Standing:
    """How far a run is; raises where it cannot be begun or gone on with by these."""
    if resume and run.recipe.exists():
        if Recipe.read(run.recipe) != recipe:
            raise BraintumorError(
                f"{run.root} was begun with another recipe: resume without changing settings"
            )
        _require_same(run, catalog, facts)
        return "finished" if is_finished(run) else "unfinished"
    if run.root.exists() and not _as_good_as_new(run, resume):
        raise BraintumorError(
            f"{run.root} is not empty: choose another folder, or add --resume to go on with it"
        )
    return "new"


def _require_same(run: RunFolder, catalog: Catalog, facts: dict[str, Any]) -> None:
    """Refuse to go on with a run that was begun with something else."""
    record = read_record(run.recipe)
    told = [key for key in _SAME_IF_TOLD if key in record and key in facts]
    for key in (*_SAME, *told):
        if record.get(key) != facts.get(key):
            raise begun_with_other(key, run, catalog)


def begun_with_other(key: str, run: RunFolder, catalog: Catalog) -> BraintumorError:
    """What is to be said where a run's record differs from what is given now.

    Args:
        key: in what.
        run: that cannot be gone on with.
        catalog: its images now.
    """
    now = f"{catalog.root} holds now" if key == "catalog_sha256" else "are given now"
    remedy = f"{_AGAIN[key]}, or train" if key in _AGAIN else "train"
    return BraintumorError(
        f"{run.root} was begun with other {CALLED[key]} than {now}: {remedy} into a new folder"
    )


def _as_good_as_new(run: RunFolder, resume: bool) -> bool:
    """Whether nothing is lost by beginning in this folder: it is empty but for a lock, or what is
    to be resumed was stopped before its recipe was written."""
    left = [path.name for path in run.root.iterdir() if not _holds_lock_alone(run, path)]
    early = (run.catalog.name, run.further.name)
    unfinished = (name in early or ".part" in name for name in left)
    return not left or (resume and all(unfinished))


def _holds_lock_alone(run: RunFolder, path: Path) -> bool:
    if path != run.checkpoint or not path.is_dir():
        return False
    return all(one.name == f"{_LOCK}.lock" for one in path.iterdir())


def _groups_digest(parts: Iterable[Catalog]) -> str:
    """SHA-256 of which images belong together, whatever their groups are called."""
    numbers: dict[str, int] = {}
    groups = (group for part in parts for group in part.table["group"].fillna(""))
    told = (str(numbers.setdefault(group, len(numbers))) if group else "-" for group in groups)
    return sha256_bytes("\n".join(told).encode())


def _lesions_digest(parts: Iterable[Catalog], lesions: Lesions) -> str:
    """SHA-256 of which image has which mask, and how it lies."""
    found = (lesion for part in parts for lesion in lesions.of(part))
    told = (f"{one.mask.name} {one.mirrored}" if one else "-" for one in found)
    return sha256_bytes("\n".join(told).encode())
