"""The classifier: any picture in, class, probabilities and heat map out.

    >>> from braintumor.catalog.phantom import sample_phantoms
    >>> slice_ = sample_phantoms()["meningioma"]
    >>> classifier = Classifier.load("cnn")
    >>> classifier.predict(slice_).predicted
    'meningioma'
    >>> [one.status for one in classifier.predict([slice_, b"no picture"])]
    ['ok', 'error']

It needs a bundle and nothing else: the bundle knows its own preparation, calibration and doubts. An
ensemble is asked in the same way as a network. One bad file in a list gives a row that says so and
stops nothing. Research use only; not a medical device.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from braintumor.bundle.abreast import abreast, batches
from braintumor.bundle.card import AnyCard, BundleError
from braintumor.bundle.checks import image_checks, is_blank, is_drawn
from braintumor.bundle.decision import calibrated, combined, doubts, prediction_set
from braintumor.bundle.explanation import Explanation, Look
from braintumor.bundle.gate import BLANK, DOUBTED, DRAWN, REFUSED, VERDICTS, Verdict
from braintumor.bundle.network import Network, open_networks, prepared_for
from braintumor.bundle.predicted import Predicted
from braintumor.bundle.prediction import Prediction, Status
from braintumor.bundle.runtime import Answer, model_cache, wished_device
from braintumor.bundle.shipped import find_bundle
from braintumor.bundle.sources import (
    ONE,
    Named,
    Source,
    grey_array,
    name_of,
    only_slice,
    path_or_bytes,
    weight,
)
from braintumor.classes import CLASSES, disagreeing
from braintumor.errors import BraintumorError
from braintumor.images.choice import Choice
from braintumor.images.decode import ImageError, Place, RefusedError, Slice
from braintumor.images.prepare import Prepared
from braintumor.images.read import read_slices
from braintumor.processor import cores

# Large enough that the processor is busy, small enough that rows come steadily.
_BATCH = 16
# So many slices are answered one batch after the other, all cores on each. Beyond them it pays to
# compile the graph once more, for batches side by side.
_FEW = 64
# Bytes that the files take which are begun ahead, packed and unpacked: one that holds more than a
# batch keeps them until it is read to its end. Enough for two batches of ordinary slices.
_BEGUN = 32 * 2**20


@dataclass(frozen=True)
class _Read:
    """An image that was read and prepared for each network, or the reason why it was not.

    `status` is what reading has to say: `ok`, `uncertain` (a person should look, for `reason`),
    `refused` or `error`; the classifier may lower `ok`, never raise it.
    """

    name: str
    status: Status = "ok"
    reason: str = ""
    sha256: str = ""
    pixels: NDArray[Any] | None = None
    prepared: tuple[Prepared, ...] = ()
    # For each network what its gate wants to know of the picture.
    checks: tuple[NDArray[np.float32], ...] = ()
    place: Place | None = None
    window: tuple[float, float] | None = None


class Classifier:
    """A bundle, ready to predict. Safe to share between threads.

    Attributes:
        card: what the bundle says of itself.
        networks: the network of the bundle, or those of the ensemble.
    """

    def __init__(self, card: AnyCard, networks: Sequence[Network]) -> None:
        self.card = card
        self.networks = tuple(networks)
        self._answered = 0

    @classmethod
    def load(
        cls,
        name_or_folder: str | Path,
        *,
        cache_dir: Path | None = None,
        cache: bool = True,
        device: str | None = None,
    ) -> Classifier:
        """Open a bundle.

        Args:
            name_or_folder: `cnn`, `resnet50` or `ensemble` for a shipped one, or the folder of a
                bundle.
            cache_dir: where OpenVINO keeps the compiled graph for a quicker start next time; the
                user's cache folder where None. Nothing of any picture is ever kept there.
            cache: whether to keep it at all; `BRAINTUMOR_MODEL_CACHE=off` says no for everybody.
            device: of OpenVINO, as `Runtime` takes it; where None the one that `BRAINTUMOR_DEVICE`
                names, else the processor.

        Raises:
            BundleError: no bundle there, or one damaged, changed or of another version; or a
                device that is not there.
        """
        kept = model_cache(cache_dir) if cache else None
        on = device or wished_device()
        return cls(*open_networks(find_bundle(name_or_folder), cache_dir=kept, device=on))

    @overload
    def predict(  # type: ignore[overload-overlap]
        self, images: Source, *, batch_size: int = ..., workers: int | None = ...
    ) -> Prediction: ...

    @overload
    def predict(
        self, images: Sequence[Source], *, batch_size: int = ..., workers: int | None = ...
    ) -> Predicted: ...

    def predict(
        self,
        images: Source | Sequence[Source],
        *,
        batch_size: int = _BATCH,
        workers: int | None = None,
    ) -> Prediction | Predicted:
        """Classify one image or a list of them.

        Args:
            images: path of a file, its bytes, a grey slice (height, width) of any real type, or
                `Named` around one of these; or a list of such.
            batch_size, workers: for a list, as `predict_many` takes them.

        Returns:
            One prediction for one image, for a list a table of them in the same order. What could
            not be read has status `error` and a reason. In a list, a file of several slices (a
            volume, a ZIP archive) gives a prediction a slice; alone, it is no single image.

        Raises:
            ValueError: `batch_size` or `workers` below 1, for a list.
        """
        if isinstance(images, (*ONE, Named)):
            return self._answers([self._read(images)])[0]
        found = self.predict_many(images, batch_size=batch_size, workers=workers)
        return Predicted(tuple(found))

    def predict_many(
        self,
        images: Iterable[Source],
        *,
        batch_size: int = _BATCH,
        choice: Choice | None = None,
        workers: int | None = None,
    ) -> Iterator[Prediction]:
        """Classify images as they come, in their order, holding a few batches of them at most.

        While some are read and prepared, others go through the network.

        Args:
            images: as for `predict`, any number; a file of several slices gives a prediction a
                slice, called `path#number`.
            batch_size: how many go through the network at once.
            choice: plane of volumes, and which of their slices; all axial ones where None.
            workers: threads that read and ask; one for each of the processor's cores where None.

        Raises:
            ValueError: `batch_size` or `workers` below 1.
        """
        workers = cores() if workers is None else workers
        if batch_size < 1:  # of batches of none, no image would ever be in one
            raise ValueError(f"batch_size must be 1 or more, not {batch_size}")
        with ThreadPoolExecutor(workers, "braintumor") as pool:

            def begun(image: Source) -> tuple[list[_Read], Iterator[_Read]]:
                """What one image holds, up to a batch of it, and the rest to be read on."""
                # `map` keeps no slice while the rest of the file waits for its turn.
                rest = map(_light, self._read_all(image, choice))
                return list(islice(rest, batch_size)), rest

            read = (
                one
                for first, rest in abreast(
                    begun, images, pool=pool, ahead=2 * batch_size, weight=weight, most=_BEGUN
                )
                for one in chain(first, rest if len(first) == batch_size else ())
            )
            for answers in abreast(
                self._answers, batches(read, batch_size), pool=pool, ahead=workers
            ):
                yield from answers

    def explain(self, image: Source, label: str | None = None) -> Explanation:
        """Show where in the slice the network looked.

        Args:
            image: as for `predict`, one.
            label: the class to explain; the predicted one where None.

        Raises:
            BraintumorError: the image cannot be read, or there is no such class.
        """
        read = self._read(image)
        if read.pixels is None or not read.prepared:
            raise BraintumorError(f"{read.name or 'the image'} cannot be explained: {read.reason}")
        answers = self._ask([read])
        (prediction,) = self._predictions([read], answers)
        looks = zip(self.networks, read.prepared, answers, strict=True)
        unlit = Explanation(
            label="",
            heat=np.zeros(read.prepared[0].source_shape, np.float32),
            pixels=read.pixels,
            looks=tuple(_look(*one) for one in looks),
            prediction=prediction,
            window=read.window,
        )
        return unlit.for_label(label or prediction.predicted or CLASSES[0])

    def _read(self, image: Source) -> _Read:
        """One image, which must be a single slice."""
        name, source = image if isinstance(image, Named) else (name_of(image), image)
        try:
            if isinstance(source, np.ndarray):
                return self._prepare(_Read(name, pixels=grey_array(source)))
            if isinstance(source, ImageError):
                return _unread(name, source)
            if not isinstance(source, Slice):
                source = only_slice(path_or_bytes(source), name or None)
        except Exception as error:
            return _unread(name, error)
        return self._read_slice(name, source)

    def _read_all(self, image: Source, choice: Choice | None) -> Iterator[_Read]:
        """One image, or every slice of a file that holds several."""
        name, source = image if isinstance(image, Named) else (name_of(image), image)
        if isinstance(source, np.ndarray | Slice | ImageError):
            yield self._read(image)
            return
        try:
            found = read_slices(path_or_bytes(source), name=name, choice=choice)
            yield from map(partial(self._read_found, name), found)
        except Exception as error:
            # Whatever else a decoder trips over must not stop ten thousand good files.
            yield _unread(name, error)

    def _read_found(self, name: str, found: Slice | ImageError) -> _Read:
        """What a file holds; called as the file was, which an error made fit for a terminal."""
        label = name + found.name[len(name) :]
        return (
            _unread(label, found)
            if isinstance(found, ImageError)
            else self._read_slice(label, found)
        )

    def _read_slice(self, name: str, slice_: Slice) -> _Read:
        read = _Read(
            name,
            status="uncertain" if slice_.notes else "ok",
            reason="; ".join(slice_.notes),
            sha256=slice_.sha256,
            pixels=slice_.pixels,
            place=slice_.place,
            window=slice_.window,
        )
        try:
            return self._prepare(read)
        except Exception as error:
            return replace(_unread(name, error), place=read.place)

    def _prepare(self, read: _Read) -> _Read:
        """Bring the picture to every network's canvas, and check it for every gate."""
        assert read.pixels is not None
        prepared = prepared_for(self.networks, read.pixels)
        if is_blank(read.pixels):
            return replace(read, status="refused", reason=BLANK)
        if any(network.gate for network in self.networks) and is_drawn(read.pixels):
            return replace(read, status="refused", reason=DRAWN)
        checks = tuple(
            image_checks(read.pixels, one) if network.gate else np.zeros(0, np.float32)
            for network, one in zip(self.networks, prepared, strict=True)
        )
        return replace(read, prepared=prepared, checks=checks)

    def _answers(self, read: Sequence[_Read]) -> list[Prediction]:
        """The predictions of a batch, the unreadable ones in their places."""
        good = [one for one in read if one.prepared]
        many, self._answered = self._answered >= _FEW, self._answered + len(good)
        answers = iter(self._predictions(good, self._ask(good, many=many)) if good else ())
        return [next(answers) if one.prepared else self._blank(one) for one in read]

    def _ask(self, read: Sequence[_Read], *, many: bool = False) -> list[Answer]:
        """One forward pass through every network; all of `read` must have been prepared."""
        canvases = zip(*(one.prepared for one in read), strict=True)
        return [
            network.runtime.run(np.stack([prepared.pixels for prepared in batch]), many=many)
            for network, batch in zip(self.networks, canvases, strict=True)
        ]

    def _predictions(self, read: Sequence[_Read], answers: Sequence[Answer]) -> list[Prediction]:
        for network, answer in zip(self.networks, answers, strict=True):
            if not np.isfinite(answer.logits).all():
                raise BundleError(
                    f"the graph of {network.card.name} answers with no finite number: "
                    f"export it again"
                )
        log_q = combined([answer.logits for answer in answers])
        shares = calibrated(log_q, self.card.calibration)
        verdicts = self._verdicts(read, answers)
        voices = [network.alone(one) for network, one in zip(self.networks, answers, strict=True)]
        each = zip(*(voice.argmax(axis=1).tolist() for voice in voices), strict=True)
        return [self._said(*one) for one in zip(read, shares, verdicts, each, strict=True)]

    def _verdicts(self, read: Sequence[_Read], answers: Sequence[Answer]) -> list[Verdict]:
        """What the gates say of each picture: the sternest of them counts."""
        sternest: list[Verdict] = ["pass"] * len(read)
        for number, (network, answer) in enumerate(zip(self.networks, answers, strict=True)):
            if network.gate is None:
                continue
            checks = np.stack([one.checks[number] for one in read])
            for k, score in enumerate(network.gate.score(answer.embedding, checks)):
                sternest[k] = max(sternest[k], network.gate.verdict(score), key=VERDICTS.index)
        return sternest

    def _said(
        self, read: _Read, p: NDArray[np.float64], verdict: Verdict, voices: Sequence[int]
    ) -> Prediction:
        if verdict == "refuse":
            return replace(self._blank(read), status="refused", reason=REFUSED)
        best = int(np.argmax(p))
        confidence = float(p[best])
        classes = prediction_set(p, self.card.conformal)
        why = [read.reason] if read.reason else []
        why += [DOUBTED] if verdict == "doubt" else []
        if len(set(voices)) > 1:
            names = (network.card.name for network in self.networks)
            each = zip(names, voices, strict=True)
            why.append(disagreeing({name: CLASSES[said] for name, said in each}))
        why += doubts(best, confidence, classes, self.card.thresholds)
        return replace(
            self._blank(read),
            status="uncertain" if why else "ok",
            reason="; ".join(why),
            predicted=CLASSES[best],
            confidence=confidence,
            set=classes,
            probabilities=dict(zip(CLASSES, map(float, p), strict=True)),
        )

    def _blank(self, read: _Read) -> Prediction:
        return Prediction(
            path=read.name,
            sha256=read.sha256,
            status=read.status,
            reason=read.reason,
            model=self.card.name,
            model_sha256=self.card.identity,
            place=read.place,
        )


def _look(network: Network, prepared: Prepared, answer: Answer) -> Look:
    return Look(
        network=network.card.name,
        probabilities=dict(zip(CLASSES, map(float, network.alone(answer)[0]), strict=True)),
        prepared=prepared,
        maps=answer.maps[0],
    )


def _light(read: _Read) -> _Read:
    """Without the full slice: those of a few batches would weigh hundreds of megabytes."""
    return replace(read, pixels=None)


def _unread(name: str, error: Exception) -> _Read:
    if isinstance(error, RefusedError):
        return _Read(name, "refused", error.reason, error.sha256, place=error.place)
    if isinstance(error, ImageError):
        return _Read(name, "error", error.reason, place=error.place)
    return _Read(name, "error", str(error).strip() or type(error).__name__)
