"""The whole story on phantom images: what each step does and why, told while it is done.

Calls the same functions as the single commands do, with small settings, so that it ends within
minutes; the numbers prove that the parts fit together, and nothing else. What is done once is not
done again when the demo is run a second time; what was interrupted goes on.
"""

from __future__ import annotations

import shutil
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from braintumor.catalog.catalog import Catalog
from braintumor.classes import CLASSES, SPLITS
from braintumor.errors import BraintumorError, InUseError, require
from braintumor.files import write_text

Say = Callable[[str], object]

MARK = "DEMO.txt"
_NOTICE = """Made by  braintumor demo  from phantom images, which a program drew: no patient,
no medical meaning. The folder may be deleted at any time; the command makes it anew.
"""
_WIDTH = 88


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How much of everything: by default what two cores do in about three minutes.

    Attributes:
        patients_per_class, slices_per_patient, size: of the phantoms.
        side: of the canvas on which both networks see a slice, pixels.
        cnn, resnet50: what differs from the full recipes.
    """

    patients_per_class: int = 24
    slices_per_patient: int = 6
    size: int = 256
    side: int = 128
    cnn: dict[str, Any] = field(
        default_factory=lambda: {
            # Few images and few epochs: small batches, so that there are steps enough for the
            # running means of batch normalisation to settle.
            "epochs": 14,
            "batch_size": 8,
            "learning_rate": 1e-3,
            "warmup_epochs": 1,
            "dropout": 0.1,
            "patience": 14,
        }
    )
    resnet50: dict[str, Any] = field(
        default_factory=lambda: {
            "epochs": 3,
            "batch_size": 16,
            "warmup_epochs": 0,
            "variants": 2,
            "head_epochs": 2,
            "patience": 3,
            # So few steps teach the last blocks something, and earlier ones nothing.
            "tune_from": "conv4_block4_out",
        }
    )


def tell(
    out: Path,
    *,
    say: Say = print,
    settings: Settings | None = None,
    cnn_only: bool = False,
) -> Path:
    """Run the demo.

    Args:
        out: its folder: new, empty, or that of an earlier demo.
        say: told every line.
        settings: how much of everything.
        cnn_only: leave out the resnet50. It is left out too, with a word, where its ImageNet
            weights cannot be had.

    Returns:
        The report to open.

    Raises:
        MissingExtraError: Keras is not installed.
        BraintumorError: the folder holds something else, or a step failed.
    """
    require("tomli_w", extra="train", what="The demo")
    require("keras", extra="train", what="The demo")
    return _Story(Path(out), say, settings or Settings(), cnn_only=cnn_only).tell()


class _Story:
    """The steps in their order; each leaves files that the next one reads."""

    def __init__(self, out: Path, say: Say, settings: Settings, *, cnn_only: bool) -> None:
        self.out, self.say, self.settings, self.cnn_only = out, say, settings, cnn_only
        self.step, self.steps = 0, 6 if cnn_only else 8
        self.started = self.since = time.monotonic()

    def tell(self) -> Path:
        _own(self.out)
        self.say("This is the whole story of braintumor on pictures that a program draws.")
        self.say("Research use only; not a medical device.")
        phantoms = self.draw()
        catalog = self.audit(phantoms)
        runs = {"cnn": self.train_cnn(catalog)}
        if not self.cnn_only and (run := self.train_resnet50(catalog)) is not None:
            runs["resnet50"] = run
        reports = self.evaluate(runs)
        report = reports["cnn"]
        if not self.cnn_only:
            report = self.compare(runs) or report
        bundles = self.export(runs)
        self.predict(catalog, bundles)
        self.end(reports, report, bundles)
        return report

    def draw(self) -> Path:
        """Phantom images."""
        from braintumor.catalog.phantom import make_phantoms

        s = self.settings
        count = len(CLASSES) * s.patients_per_class * s.slices_per_patient
        self.begin(
            "Draw phantom images",
            f"{count} slices of {len(CLASSES) * s.patients_per_class} simulated patients, from "
            "geometry and random numbers. No data set has to be fetched, and nobody's scan is "
            "shown. All slices of a patient are on one side of the split: a network that knows "
            "the patient would be tested on what it has seen.",
        )
        root = make_phantoms(
            self.out / "phantoms",
            patients_per_class=s.patients_per_class,
            slices_per_patient=s.slices_per_patient,
            size=s.size,
        )
        self.done(f"{root}: train, valid and test, in each a folder a class")
        return root

    def audit(self, phantoms: Path) -> Catalog:
        """What is wrong with the images?"""
        self.begin(
            "Audit the images",
            "Can every file be read? Is a copy, or a patient, on both sides of the split? How far "
            "does one get by brightness alone, without looking at anatomy?",
        )
        from braintumor.catalog.audit import audit, write_audit
        from braintumor.catalog.audit_page import write_page
        from braintumor.evaluation.patients import read_patients

        found = audit(phantoms, patients=read_patients(phantoms / "patients.csv"))
        write_audit(found, self.out / "audit")
        page = write_page(found, self.out / "audit")
        catalog = found.readability.catalog
        self.say(f"  {'':12}" + "".join(f"{label:>12}" for label in CLASSES))
        for split in SPLITS:
            row = [found.readability.counts[split][label] for label in CLASSES]
            self.say(f"  {split:12}" + "".join(f"{n:12d}" for n in row))
        for finding in found.findings:
            self.paragraph(f"{finding.severity}: {finding.sentence}")
        self.done(f"{len(catalog)} images can be read, {len(catalog.left_out)} left out; {page}")
        return catalog

    def train_cnn(self, catalog: Catalog) -> Path:
        """The network from scratch."""
        self.begin(
            "Train the cnn",
            "A small network that starts from nothing. It learns on train; the epoch to keep is "
            "chosen on valid; test is predicted once, at the end.",
        )
        return self._train("cnn", catalog, self.settings.cnn)

    def train_resnet50(self, catalog: Catalog) -> Path | None:
        """The network with ImageNet weights, where these can be had."""
        self.begin(
            "Train the resnet50",
            "A large network that has learnt from photographs (ImageNet). Its frozen part is run "
            "once an image and kept; only its last stage is trained.",
        )
        from braintumor.networks.imagenet import WeightsNotFoundError, find_weights

        try:
            weights = find_weights(log=lambda text: self.say(f"  {text}"))
        except WeightsNotFoundError as error:
            self.paragraph(f"Left out: {error}.")
            self.done("the demo goes on with the cnn alone")
            return None
        return self._train("resnet50", catalog, self.settings.resnet50, weights=weights)

    def evaluate(self, runs: dict[str, Path]) -> dict[str, Path]:
        """Metrics and report of each."""
        from braintumor.evaluation.judgement import judge
        from braintumor.evaluation.run_tables import read_run
        from braintumor.evaluation.written import write_judged

        self.begin(
            "Evaluate",
            "Every number comes from one table, predictions.csv, in which each row has its own "
            "picture, truth and probabilities; they cannot get out of step.",
        )
        reports = {}
        self.say(f"  {'test slices':14}{'accuracy':>10}{'macro AUC':>11}{'macro F1':>10}")
        for name, run in runs.items():
            judgement = judge(read_run(run))
            reports[name] = write_judged(judgement, run).report
            m: Any = judgement.headline.metrics
            self.say(
                f"  {name:14}{m['accuracy']:>10.1%}{m['macro_auc']:>11.3f}{m['macro_f1']:>10.3f}"
            )
        self.done("numbers on phantoms: they show that the parts fit together, and nothing else")
        return reports

    def compare(self, runs: dict[str, Path]) -> Path | None:
        """Side by side, where there are two."""
        self.begin(
            "Compare",
            "Both networks on the very same slices: is the difference more than luck, and which "
            "slices does only one of them get right?",
        )
        if len(runs) < 2:
            self.done("left out: there is one network only")
            return None
        from braintumor.evaluation.compare import compare, sentences
        from braintumor.evaluation.compare_report import write_comparison
        from braintumor.evaluation.run_tables import read_run

        comparison = compare([read_run(run) for run in runs.values()])
        for sentence in sentences(comparison):
            self.paragraph(sentence)
        _, report = write_comparison(comparison, self.out / "compare")
        self.done(f"{report}")
        return report

    def export(self, runs: dict[str, Path]) -> dict[str, Path]:
        """A bundle of each."""
        from braintumor.training.export import export_run

        self.begin(
            "Export",
            "Each run becomes a bundle: one graph (ONNX) and a card that says what it was made "
            "from. It runs without Keras, and is used only after it has given the same answers.",
        )
        bundles = {
            name: export_run(
                run, self.out / "bundles" / name, name=f"demo-{name}", with_predictions=True
            )
            for name, run in runs.items()
        }
        self.done(", ".join(str(folder) for folder in bundles.values()))
        return bundles

    def predict(self, catalog: Catalog, bundles: dict[str, Path]) -> None:
        """One image, as a user would."""
        from braintumor.bundle.classifier import Classifier

        image = _example(catalog)
        self.begin(
            "Predict one image",
            f"{image.relative_to(catalog.root)}: a test slice that no network has learnt from; "
            f"the truth is {image.parent.name}.",
        )
        for name, folder in bundles.items():
            prediction = Classifier.load(folder).predict(image)
            self.say(f"  {name}: {prediction.predicted} ({prediction.confidence or 0:.1%})")
            for label, share in prediction.probabilities.items():
                self.say(f"    {label:12}{share:7.1%}  {'#' * round(share * 40)}")
        folder = next(iter(bundles.values()))
        self.done(f"the same by command:  braintumor predict {image} --model {folder}")

    def end(self, reports: dict[str, Path], report: Path, bundles: dict[str, Path]) -> None:
        """Where everything is, and what next."""
        minutes = (time.monotonic() - self.started) / 60
        self.say("")
        self.say(f"Done in {minutes:.1f} minutes. Open in a browser:")
        for path in dict.fromkeys((report, *reports.values())):
            self.say(f"  {path.resolve()}")
        self.say("")
        self.say("Next:")
        self.say("  make app                    the page: drop a slice, see class and heat map")
        self.say("  braintumor app              the same where braintumor is installed")
        models = " ".join(f"--model {folder}" for folder in bundles.values())
        self.say(f"  braintumor app {models}")
        self.say("                              the page with the networks just trained")
        self.say("  braintumor train FOLDER     your own images, in class folders")

    def begin(self, title: str, why: str) -> None:
        """Announce a step."""
        self.step += 1
        self.since = time.monotonic()
        self.say("")
        self.say(f"Step {self.step} of {self.steps}: {title}")
        self.paragraph(why)

    def done(self, result: str) -> None:
        """Close a step."""
        self.say(f"  -> {result} ({time.monotonic() - self.since:.0f} s)")

    def paragraph(self, text: str) -> None:
        """Say a text, wrapped; paths and commands in it stay whole."""
        for line in textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False):
            self.say(f"  {line}")

    def _train(
        self,
        network: str,
        catalog: Catalog,
        changes: dict[str, Any],
        *,
        weights: Path | None = None,
    ) -> Path:
        from braintumor.images.prepare import Preparation
        from braintumor.training.fit import train
        from braintumor.training.recipe import default_recipe

        run = self.out / "runs" / network
        preparation = Preparation(size=self.settings.side)
        recipe = default_recipe(network, preparation=preparation, **changes)
        begun = run.exists()
        try:
            train(catalog, recipe, run, resume=True, weights=weights)
        except BraintumorError as error:
            if not begun or isinstance(error, InUseError):
                raise
            # Begun by another version, with other settings, or damaged: only ours is lost.
            self.paragraph(f"Starting this training anew, because {error}.")
            shutil.rmtree(run)
            train(catalog, recipe, run, weights=weights)
        self.done(f"{run}")
        return run


def _own(out: Path) -> None:
    """Mark the folder as the demo's; refuse one that holds something else."""
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not _is_ours(out))):
        raise BraintumorError(
            f"{out} holds something that is no demo: give a new or empty folder with --out"
        )
    try:
        write_text(out / MARK, _NOTICE)
    except OSError as error:
        raise BraintumorError(
            f"{out} cannot be written ({error.strerror}): give another folder with --out"
        ) from error


def _is_ours(out: Path) -> bool:
    return (out / MARK).is_file()


def _example(catalog: Catalog) -> Path:
    """A test slice to show: the first axial glioma, else the first test slice."""
    paths = [str(path) for path in catalog.subset("test").table["path"]]
    liked = [path for path in paths if "/glioma/" in path and "_axial_" in path]
    return catalog.root / (liked or paths)[0]
