"""What every network promises: its face, its size, and class activation maps that are exact."""

from __future__ import annotations

import numpy as np
import pytest

from braintumor.errors import BraintumorError

keras = pytest.importorskip("keras")

from braintumor.networks import NETWORKS, build, default_size, resnet50, serving_model  # noqa: E402
from braintumor.networks.where import FLOOR, places, places_of, weights_of  # noqa: E402

SIDE = 64


@pytest.fixture(scope="module")
def canvases() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (3, SIDE, SIDE, 1)).astype(np.float32)


@pytest.fixture(scope="module", params=NETWORKS)
def model(request: pytest.FixtureRequest) -> object:
    keras.utils.set_random_seed(1)
    return build(request.param, size=SIDE)


def test_a_network_maps_grey_canvases_to_four_logits(model: object, canvases: np.ndarray) -> None:
    assert model.input_shape == (None, SIDE, SIDE, 1)
    assert model.predict(canvases, verbose=0).shape == (3, 4)


def test_the_mean_of_the_class_maps_is_the_logits(model: object, canvases: np.ndarray) -> None:
    served = serving_model(model).predict(canvases, verbose=0)
    means = served["maps"].mean(axis=(1, 2))
    np.testing.assert_allclose(means, served["logits"], atol=1e-4 * np.abs(means).max())
    np.testing.assert_allclose(served["logits"], model.predict(canvases, verbose=0), rtol=1e-5)


def test_the_embedding_is_what_the_last_layer_reads(model: object, canvases: np.ndarray) -> None:
    served = serving_model(model).predict(canvases, verbose=0)
    kernel, bias = model.get_layer("evidence").get_weights()
    np.testing.assert_allclose(
        served["embedding"] @ kernel[0, 0] + bias, served["logits"], rtol=1e-3, atol=1e-3
    )


def test_the_maps_are_the_evidence_of_each_place_weighted_by_where(
    model: object, canvases: np.ndarray
) -> None:
    seen = places(model).predict(canvases, verbose=0)
    weight = 1 / (1 + np.exp(-seen[..., 4:])) + FLOOR
    expected = seen[..., :4] * weight / weight.mean(axis=(1, 2), keepdims=True)
    maps = serving_model(model).predict(canvases, verbose=0)["maps"]
    np.testing.assert_allclose(maps, expected, rtol=1e-3, atol=1e-4 * np.abs(maps).max())


def test_a_place_that_looks_like_a_lesion_outvotes_many_that_do_not(model: object) -> None:
    """With `where` certain of one place, its evidence has weight 1 against the floor's 0.05."""
    height, width = places_of(model)
    where = np.full((1, height, width, 1), -30.0, np.float32)
    where[0, 0, 0] = 30.0
    weight = np.asarray(weights_of(keras.ops.convert_to_tensor(where)))[0, ..., 0]
    assert weight.mean() == pytest.approx(1.0, rel=1e-5)
    assert weight[0, 0] / weight[0, 1] == pytest.approx((1 + FLOOR) / FLOOR, rel=1e-3)


@pytest.mark.parametrize("network", NETWORKS)
def test_mixed_precision_keeps_weights_and_logits_in_float32(network: str) -> None:
    mixed = build(network, size=SIDE, precision="mixed_bfloat16")
    assert {v.dtype for v in mixed.trainable_weights} == {"float32"}
    assert mixed.output.dtype == "float32"
    assert keras.config.dtype_policy().name == "float32", "the global policy must be put back"


def test_the_cnn_is_small_and_has_the_stages_that_were_asked_for() -> None:
    cnn = build("cnn")
    assert cnn.count_params() <= 1_500_000
    assert cnn.input_shape[1] == default_size("cnn") == 160
    kinds = {type(layer).__name__ for layer in cnn.layers}
    assert {"Conv2D", "MaxPooling2D", "SpatialDropout2D"} <= kinds
    for dense in ("dense4_conv", "dense3_conv", "dense2_conv", "evidence"):
        assert cnn.get_layer(dense).kernel_size == (1, 1)


def test_resnet50_is_kerass_own_behind_a_grey_input() -> None:
    ours = build("resnet50", size=SIDE)
    theirs = keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=(SIDE, SIDE, 3)
    )
    convolutions = [layer for layer in theirs.layers if layer.name.endswith("_conv")]
    for layer in convolutions:
        assert ours.get_layer(layer.name).kernel.shape == layer.kernel.shape
    grey = np.full((1, SIDE, SIDE, 1), 120.0, np.float32)
    entry = keras.Model(ours.input, ours.get_layer("imagenet_means").output)
    colour = np.repeat(grey, 3, axis=3)
    expected = keras.applications.resnet50.preprocess_input(colour.copy())
    np.testing.assert_allclose(entry.predict(grey, verbose=0), expected, atol=1e-4)


def test_resnet50_holds_its_batch_normalisation() -> None:
    ours = build("resnet50", size=SIDE)
    held = [x for x in ours.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert len(held) == 53
    assert not any(layer.trainable for layer in held)


def test_trunk_and_tail_together_are_the_network(canvases: np.ndarray) -> None:
    ours = build("resnet50", size=SIDE)
    trunk, tail = resnet50.cut(ours, "conv4_block2_out")
    expected = places(ours).predict(canvases, verbose=0)
    found = tail.predict(trunk.predict(canvases, verbose=0), verbose=0)
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
    tail.get_layer("evidence").bias.assign([1.0, 2.0, 3.0, 4.0])
    assert ours.get_layer("evidence").get_weights()[1].tolist() == [1.0, 2.0, 3.0, 4.0]


def test_resnet50_can_be_cut_wherever_a_recipe_may_ask_for_it() -> None:
    ours = build("resnet50", size=SIDE)
    for layer in resnet50.CUTS:
        trunk, tail = resnet50.cut(ours, layer)
        assert tail.input_shape == trunk.output_shape
    behind = [layer.name for layer in ours.layers if layer.name.endswith("_out")]
    assert [name for name in behind if not name.startswith("conv5")] == list(resnet50.CUTS)


def test_the_new_top_can_be_trained_alone_and_the_last_stages_with_it() -> None:
    ours = build("resnet50", size=SIDE)
    tail = resnet50.cut(ours, "conv4_block6_out")[1]
    resnet50.hold_backbone(tail, True)
    alone = {weight.path.split("/")[0] for weight in tail.trainable_weights}
    assert alone == {"top_coarse", "top_fine", "top_conv", "evidence", "where"}
    resnet50.hold_backbone(tail, False)
    together = {weight.path.split("/")[0] for weight in tail.trainable_weights}
    assert {"conv5_block1_1_conv", "conv5_block3_3_conv"} < together - alone
    assert not any(name.endswith("_bn") for name in together)


def test_an_unknown_network_is_refused_by_name() -> None:
    with pytest.raises(BraintumorError, match=r"vgg16.*cnn, resnet50"):
        build("vgg16")
