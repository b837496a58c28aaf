"""Several trainings as one map: folds, repeats with other seeds, or folds of every repeat.

Each is a run in a folder of its own, trained here or as a Ray task, and gone on with where it was
stopped. Which trainings there are, and what becomes of their runs, is said by plans; knows neither.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Protocol

from braintumor.catalog.catalog import Catalog
from braintumor.errors import BraintumorError
from braintumor.networks.imagenet import VARIABLE
from braintumor.parallel.ordered import ordered
from braintumor.parallel.pools import Engine, open_pool
from braintumor.terminal import say
from braintumor.training.fit import train
from braintumor.training.learnt import require_start
from braintumor.training.recipe import Recipe
from braintumor.training.run import RunFolder
from braintumor.training.sources import Materials, Sources


class Plan(Protocol):
    """Trainings whose runs together make one."""

    def trainings(self) -> Sequence[Training]:
        """Those to be done, in order."""
        ...

    def finish(self, runs: Sequence[RunFolder]) -> RunFolder:
        """Make one run of theirs, in the same order."""
        ...


@dataclass(frozen=True, eq=False)
class Training:
    """One of several: what is its own. Alone, it is a plan, too.

    Attributes:
        catalog, recipe, out, trunk: as for `fit.train`.
    """

    catalog: Catalog
    recipe: Recipe
    out: Path
    trunk: Path | None = None

    def settled(self) -> Training:
        """The same with a recipe that means the same on every computer."""
        return replace(self, recipe=self.recipe.resolved())

    def elsewhere(self) -> Training:
        """The same for a process that another folder is the working folder of."""
        catalog = _absolute(self.catalog)
        trunk = self.trunk and self.trunk.resolve()
        return replace(self, catalog=catalog, out=self.out.resolve(), trunk=trunk)

    def trainings(self) -> Sequence[Training]:
        """See `Plan`."""
        return [self]

    def finish(self, runs: Sequence[RunFolder]) -> RunFolder:
        """See `Plan`."""
        (run,) = runs
        return run


@dataclass(frozen=True, eq=False, kw_only=True)
class Common:
    """What all of them have in common; it travels to where one is trained.

    Attributes:
        materials: what may be learnt from beside the catalogues.
        start, resume, weights, quiet: as for `fit.train`.
        engine: `local`, one after the other here; `ray`, each a task, on computers that all see
            the runs' folders and the images under the same paths.
        address: of a Ray cluster; one of this computer alone is started where None.
    """

    materials: Materials = field(default_factory=Materials)
    start: Path | None = None
    resume: bool = False
    weights: Path | None = None
    quiet: bool = False
    engine: Engine = "local"
    address: str | None = None

    def __call__(self) -> Callable[[Training], RunFolder]:
        """The function that is mapped."""
        return self.train

    def elsewhere(self) -> Common:
        """The same for a process that another folder is the working folder of."""
        materials = self.materials
        lesions = materials.lesions
        # A variable of this process is none of a cluster's that was started before.
        named = os.environ.get(VARIABLE)
        weights = self.weights or (Path(named) if named and self.start is None else None)
        return replace(
            self,
            materials=replace(
                materials,
                extra=tuple(map(_absolute, materials.extra)),
                lesions=lesions and replace(lesions, folder=lesions.folder.resolve()),
            ),
            start=self.start and self.start.resolve(),
            weights=weights and weights.resolve(),
            # What dies with its computer is begun again by Ray: it goes on from its last epoch.
            resume=True,
            quiet=True,
        )

    def train(self, one: Training) -> RunFolder:
        """Train one in its own folder."""
        return train(
            one.catalog,
            one.recipe,
            one.out,
            sources=self._sources(one),
            start=self.start,
            resume=self.resume,
            weights=self.weights,
            trunk=one.trunk,
            quiet=self.quiet,
        )

    def _sources(self, one: Training) -> Sources:
        """What one learns from beside its catalogue; which copies it does not is said."""
        sources = self.materials.for_training(one.catalog)
        if sources.copies and not self.quiet:
            given = sum(map(len, self.materials.extra))
            say(
                f"{one.out}: {sources.copies:,} of {given:,} further images are left out, for they "
                "or others of their patients are copies of images that are held back",
                err=True,
            )
        return sources


def carry_out(plans: Sequence[Plan], common: Common) -> Iterator[RunFolder]:
    """Do all trainings of all plans as one map.

    Yields:
        The run of each plan, in their order, finished as soon as its last training is done: what
        the caller makes of it is there whatever becomes of the others.

    Raises:
        BraintumorError: as for `fit.train`, and a process that died again and again.
    """
    # What is left to the computer is settled by this one: theirs may be unlike it and each other.
    wanted = [[one.settled() for one in plan.trainings()] for plan in plans]
    if common.start is not None:
        for one in chain.from_iterable(wanted):  # all of them, before hours go into the first
            require_start(common.start, one.recipe, one.catalog)
    # Nor does each look for copies of its own: they are the same whoever is held back.
    dealt = (one.catalog for one in chain.from_iterable(wanted))
    judged = next((own for own in dealt if (own.table["split"] != "train").any()), None)
    if judged is not None:
        common = replace(common, materials=common.materials.compared(judged))
    trainings: Iterable[Training] = chain.from_iterable(wanted)
    if common.engine == "ray":
        trainings = (one.elsewhere() for one in trainings)
        common = common.elsewhere()
    with open_pool(common, engine=common.engine, address=common.address) as pool:
        done = ordered(pool, trainings, _died)
        for plan, own in zip(plans, wanted, strict=True):
            yield plan.finish(list(islice(done, len(own))))


def require_new(root: Path, *, resume: bool) -> None:
    """Refuse a folder that holds something, unless it is to be gone on with.

    Raises:
        BraintumorError: it does.
    """
    if not resume and root.exists() and any(root.iterdir()):
        raise BraintumorError(
            f"{root} is not empty: choose another folder, or add --resume to go on with it"
        )


def _absolute(catalog: Catalog) -> Catalog:
    return replace(catalog, root=catalog.root.resolve())


def _died(one: Training, alone: Callable[[Training], RunFolder]) -> RunFolder:
    raise BraintumorError(
        f"the process that trained {one.out} died again and again, most likely for want of "
        "memory: make the batches smaller, then go on with --resume"
    )
