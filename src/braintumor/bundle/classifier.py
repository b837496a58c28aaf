"""The classifier: any picture in, class, probabilities and heat map out.

    >>> classifier = Classifier.load("cnn")                     # doctest: +SKIP
    >>> classifier.predict("picture.jpg").predicted             # doctest: +SKIP
    'glioma'

It needs a bundle and nothing else: the bundle knows its own preparation. One bad file in a list
gives a row that says so and stops nothing. Research use only; not a medical device.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from braintumor.bundle.card import BundleError, Card, read_bundle
from braintumor.bundle.heatmap import grey_levels, spread
from braintumor.bundle.prediction import Prediction, Status
from braintumor.bundle.runtime import Runtime
from braintumor.bundle.shipped import find_bundle
from braintumor.classes import CLASSES
from braintumor.errors import BraintumorError
from braintumor.images.decode import ImageError, Place, RefusedError, Slice, read_slice
from braintumor.images.prepare import Prepared, prepare

# Large enough that the processor is busy, small enough that rows come steadily.
_BATCH = 16
_ONE = (Path, str, bytes, bytearray, memoryview, np.ndarray, Slice)


class Named(NamedTuple):
    """An image under a name: for bytes and arrays, which bear none themselves."""

    name: str
    source: Plain


Plain = Path | str | bytes | bytearray | memoryview | NDArray[Any] | Slice
Source = Plain | Named


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Where the network looked for a class.

    Attributes:
        label: the class that the heat map speaks for.
        heat: (height, width) float32, 0 to 1, at the slice's own resolution; 1 where most
            speaks for the class, 0 where nothing does or where the network did not see.
        pixels: (height, width) the grey slice as it was read.
        prepared: the canvas as the network saw it, (size, size) uint8 in `prepared.pixels`,
            and the box of the slice that it shows.
        maps: (h, w, 4) class activation maps, float32, in the order of `CLASSES`.
        prediction: what the same forward pass says of the slice.
    """

    label: str
    heat: NDArray[np.float32]
    pixels: NDArray[Any]
    prepared: Prepared
    maps: NDArray[np.float32]
    prediction: Prediction

    @property
    def grey(self) -> NDArray[np.uint8]:
        """The slice as grey levels to look at, (height, width) uint8."""
        return grey_levels(self.pixels)

    def for_label(self, label: str) -> Explanation:
        """The same slice explained for another class, without another forward pass."""
        if label not in CLASSES:
            raise BraintumorError(f"unknown class {label!r}: choose one of {', '.join(CLASSES)}")
        activation = self.maps[..., CLASSES.index(label)]
        heat = spread(activation, self.prepared.box, self.prepared.source_shape)
        return replace(self, label=label, heat=heat)


@dataclass(frozen=True)
class _Read:
    """An image that was read and prepared, or the reason why it was not.

    `status` is what reading has to say: `ok`, `uncertain` (a person should look, for `reason`),
    `refused` or `error`; the classifier may lower `ok`, never raise it.
    """

    name: str
    status: Status = "ok"
    reason: str = ""
    sha256: str = ""
    pixels: NDArray[Any] | None = None
    prepared: Prepared | None = None
    place: Place | None = None


class Classifier:
    """A bundle, ready to predict. Safe to share between threads.

    Attributes:
        card: what the bundle says of itself.
    """

    def __init__(self, card: Card, runtime: Runtime) -> None:
        self.card = card
        self._runtime = runtime
        self._preparation = card.preparation_of_slices()

    @classmethod
    def load(cls, name_or_folder: str | Path, *, cache_dir: Path | None = None) -> Classifier:
        """Open a bundle.

        Args:
            name_or_folder: `cnn` for the shipped one, or the folder of a bundle.
            cache_dir: where OpenVINO keeps the compiled graph for a quicker start next time;
                None for nowhere.

        Raises:
            BundleError: no bundle there, or one damaged, changed or of another version.
        """
        folder = find_bundle(name_or_folder)
        card, graph = read_bundle(folder)
        runtime = Runtime(
            graph,
            size=card.preparation_of_slices().size,
            name=str(folder / card.graph.file),
            cache_dir=cache_dir,
        )
        return cls(card, runtime)

    @overload
    def predict(self, images: Source) -> Prediction: ...  # type: ignore[overload-overlap]

    @overload
    def predict(self, images: Sequence[Source]) -> list[Prediction]: ...

    def predict(self, images: Source | Sequence[Source]) -> Prediction | list[Prediction]:
        """Classify one image or a list of them.

        Args:
            images: path of a file, its bytes, a grey slice (height, width) of any real type, or
                `Named` around one of these; or a list of such.

        Returns:
            One prediction for one image, a list in the same order for a list. What could not be
            read has status `error` and a reason.
        """
        if isinstance(images, (*_ONE, Named)):
            return next(self.predict_many([images]))
        return list(self.predict_many(images))

    def predict_many(
        self, images: Iterable[Source], *, batch_size: int = _BATCH
    ) -> Iterator[Prediction]:
        """Classify images as they come, in their order, holding no more than a batch of them.

        Args:
            images: as for `predict`, any number.
            batch_size: how many go through the network at once.
        """
        waiting = iter(images)
        # Full slices of a whole batch would weigh hundreds of megabytes; the canvases are enough.
        while read := [
            replace(self._read(image), pixels=None) for image in islice(waiting, batch_size)
        ]:
            yield from self._answer(read)

    def explain(self, image: Source, label: str | None = None) -> Explanation:
        """Show where in the slice the network looked.

        Args:
            image: as for `predict`, one.
            label: the class to explain; the predicted one where None.

        Raises:
            BraintumorError: the image cannot be read, or there is no such class.
        """
        read = self._read(image)
        if read.pixels is None or read.prepared is None:
            raise BraintumorError(f"{read.name or 'the image'} cannot be explained: {read.reason}")
        answer = self._runtime.run(read.prepared.pixels[np.newaxis])
        prediction = self._prediction(read, answer.logits[0])
        unlit = Explanation(
            label="",
            heat=np.zeros(read.prepared.source_shape, np.float32),
            pixels=read.pixels,
            prepared=read.prepared,
            maps=answer.maps[0],
            prediction=prediction,
        )
        return unlit.for_label(label or prediction.predicted or CLASSES[0])

    def _read(self, image: Source) -> _Read:
        name, source = image if isinstance(image, Named) else (_name_of(image), image)
        try:
            if isinstance(source, np.ndarray):
                pixels = _grey_array(source)
                return _Read(name, pixels=pixels, prepared=prepare(pixels, self._preparation))
            if isinstance(source, bytearray | memoryview):
                source = bytes(source)
            slice_ = source if isinstance(source, Slice) else read_slice(source, name=name or None)
            return _Read(
                name,
                status="uncertain" if slice_.notes else "ok",
                reason="; ".join(slice_.notes),
                sha256=slice_.sha256,
                pixels=slice_.pixels,
                prepared=prepare(slice_.pixels, self._preparation),
                place=slice_.place,
            )
        except RefusedError as error:
            return _Read(name, "refused", error.reason, error.sha256)
        except ImageError as error:
            return _Read(name, "error", error.reason)
        except Exception as error:
            # Whatever else a decoder trips over must not stop ten thousand good files.
            return _Read(name, "error", str(error).strip() or type(error).__name__)

    def _answer(self, read: Sequence[_Read]) -> Iterator[Prediction]:
        canvases = [one.prepared.pixels for one in read if one.prepared is not None]
        logits = iter(self._runtime.run(np.stack(canvases)).logits if canvases else ())
        for one in read:
            yield self._prediction(one, None if one.prepared is None else next(logits))

    def _prediction(self, read: _Read, logits: NDArray[np.float32] | None) -> Prediction:
        blank = Prediction(
            path=read.name,
            sha256=read.sha256,
            status=read.status,
            reason=read.reason,
            model=self.card.name,
            model_sha256=self.card.graph.sha256,
            place=read.place,
        )
        if logits is None:
            return blank
        if not np.isfinite(logits).all():
            raise BundleError(
                f"the graph of {self.card.name} answers with no finite number: export it again"
            )
        shares = softmax(logits)
        best = int(np.argmax(shares))
        return replace(
            blank,
            predicted=CLASSES[best],
            confidence=float(shares[best]),
            probabilities=dict(zip(CLASSES, map(float, shares), strict=True)),
        )


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Probabilities of logits over the last axis, in float64, so that rare classes keep digits."""
    shifted = np.asarray(logits, np.float64)
    powers = np.exp(shifted - shifted.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _name_of(source: Plain) -> str:
    if isinstance(source, Slice):
        return source.name
    return str(source) if isinstance(source, Path | str) else ""


def _grey_array(array: NDArray[Any]) -> NDArray[Any]:
    """A grey slice from an array; three equal channels, as many readers give, count as grey."""
    if array.ndim == 3 and array.shape[2] == 1:
        return array[..., 0]
    if array.ndim == 3 and array.shape[2] == 3 and (array == array[..., :1]).all():
        return array[..., 0]
    return array
