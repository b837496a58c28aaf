"""What the frozen-trunk cache and mixed bfloat16 save when ResNet50's last stage is fine-tuned.

    python benchmarks/finetune.py [--images 96] [--epochs 18] [--variants 8]

Measures, side by side in one run and on made images (speed does not depend on what they show):
Keras's plain way (`Model.fit` on the whole network, lower layers frozen, float32), the same in
mixed bfloat16, and ours (trunk once per variant, then the tail alone), each as images a second
after a warm-up, median of the rounds. Prints what a training of `--epochs` over `--variants`
costs per image either way, and the ratios. The random weights that it uses cost the same time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from braintumor.networks import build, resnet50
from braintumor.networks.where import places
from braintumor.training.objective import objective, targets
from braintumor.training.recipe import default_recipe, has_bfloat16

BATCH = 32
ROUNDS = 3


def rate(work: Callable[[], object], images: int) -> float:
    """Images a second: median of `ROUNDS`, after one warm-up."""
    work()
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return images / statistics.median(seconds)


def compiled(model: keras.Model) -> keras.Model:
    """The model ready to fit, as the training does it."""
    loss = objective(mask_weight=1.0, outside_weight=0.3)
    model.compile(optimizer=keras.optimizers.AdamW(1e-4), loss=loss, jit_compile=False)
    return model


def plain(precision: str, cut_at: str, images: np.ndarray, labels: np.ndarray) -> float:
    """Keras's way: the whole network at every step, layers up to the cut frozen."""
    model = build("resnet50", precision=precision)
    for layer in model.layers:
        layer.trainable = False
    tail = resnet50.cut(model, cut_at)[1]
    for layer in tail.layers:
        if not isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = True
    whole = compiled(places(model))
    return rate(
        lambda: whole.fit(images, labels, batch_size=BATCH, shuffle=False, verbose=0), len(images)
    )


def cached(
    precision: str, cut_at: str, images: np.ndarray, labels: np.ndarray
) -> tuple[float, float]:
    """Our way: (trunk once, tail at every step)."""
    trunk, tail = resnet50.cut(build("resnet50", precision=precision), cut_at)
    batches = [images[i : i + BATCH] for i in range(0, len(images), BATCH)]
    once = rate(lambda: [trunk.predict_on_batch(batch) for batch in batches], len(images))
    features = trunk.predict(images, batch_size=BATCH, verbose=0)
    compiled(tail)
    often = rate(
        lambda: tail.fit(features, labels, batch_size=BATCH, shuffle=False, verbose=0), len(images)
    )
    return once, often


def main() -> None:
    """Measure and print."""
    recipe = default_recipe("resnet50")
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=96)
    parser.add_argument("--epochs", type=int, default=recipe.epochs)
    parser.add_argument("--variants", type=int, default=recipe.variants)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    count = -(-options.images // BATCH) * BATCH
    images = random.uniform(0, 255, (count, resnet50.SIZE, resnet50.SIZE, 1)).astype(np.float32)
    rows = np.eye(4, dtype=np.float32)[random.integers(0, 4, count)]
    side = resnet50.SIZE // 16
    labels = targets(rows, np.zeros((count, side, side), np.float32), np.ones(count, bool))

    print(f"{os.cpu_count()} cores, bfloat16 in hardware: {has_bfloat16()}, cut {recipe.tune_from}")
    costs = {}
    for precision in ("float32", "mixed_bfloat16"):
        whole = plain(precision, recipe.tune_from, images, labels)
        trunk, tail = cached(precision, recipe.tune_from, images, labels)
        costs[f"plain {precision}"] = options.epochs / whole
        costs[f"cached {precision}"] = options.variants / trunk + options.epochs / tail
        print(f"{precision:15s} whole network {whole:6.1f}/s   trunk {trunk:6.1f}/s"
              f"   tail {tail:6.1f}/s")  # fmt: skip
    reference = costs["plain float32"]
    print(f"seconds an image for {options.epochs} epochs, {options.variants} variants:")
    for name, cost in costs.items():
        print(
            f"  {name:24s} {cost:6.2f} s   {reference / cost:4.1f} x as fast as Keras's plain way"
        )


if __name__ == "__main__":
    main()
