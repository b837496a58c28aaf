"""What the frozen-trunk cache and mixed bfloat16 save when ResNet50's last stages are fine-tuned.

    python benchmarks/finetune.py [--images 96] [--epochs 24] [--variants 10] [--write] [--small]

Measures, side by side in one run and on made images (speed does not depend on what they show):
Keras's plain way (`Model.fit` on the whole network, lower layers frozen, float32), the same in
mixed bfloat16, and ours (trunk once per variant, then the tail alone), each as images a second
after a warm-up, median of the rounds. From them follows what a training of `--epochs` over
`--variants` costs per image either way; augmentation, and reading what the trunk gave, are left out
of both. The random weights that it uses cost the same time. `--write` puts the numbers into
`results/performance/finetune.json`, of which `tools/performance.py` makes a part of
`docs/performance.md`. Takes some minutes; only on a quiet machine do the ratios mean something.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from revision import revision
from speed_material import machine

from braintumor.files import write_text
from braintumor.networks import build, resnet50
from braintumor.networks.where import places
from braintumor.training.objective import objective, targets
from braintumor.training.recipe import default_recipe, has_bfloat16

RESULT = Path(__file__).parents[1] / "results" / "performance" / "finetune.json"
BATCH = 32
ROUNDS = 3
PRECISIONS = ("float32", "mixed_bfloat16")


def rate(work: Callable[[], object], images: int) -> float:
    """Images a second: median of `ROUNDS`, after one warm-up; of one round where few are given."""
    work()
    seconds = []
    for _ in range(ROUNDS if images > BATCH else 1):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return images / statistics.median(seconds)


def compiled(model: keras.Model) -> keras.Model:
    """The model ready to fit, with the training's loss; at what rate it learns costs no time."""
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


def material(images: int) -> tuple[np.ndarray, np.ndarray]:
    """Made images, (n, size, size, 1) with n a multiple of a batch, and what is learnt of them."""
    random = np.random.default_rng(0)
    count = -(-images // BATCH) * BATCH
    canvases = random.uniform(0, 255, (count, resnet50.SIZE, resnet50.SIZE, 1)).astype(np.float32)
    rows = np.eye(4, dtype=np.float32)[random.integers(0, 4, count)]
    side = resnet50.SIZE // 16
    return canvases, targets(rows, np.zeros((count, side, side), np.float32), np.ones(count, bool))


def measure(images: int, epochs: int, variants: int, cut_at: str) -> list[dict[str, Any]]:
    """For each precision: images a second of each way, and the seconds that an image costs."""
    canvases, labels = material(images)
    found = []
    for precision in PRECISIONS:
        whole = plain(precision, cut_at, canvases, labels)
        trunk, tail = cached(precision, cut_at, canvases, labels)
        found.append(
            {
                "precision": precision,
                "whole_per_s": whole,
                "trunk_per_s": trunk,
                "tail_per_s": tail,
                "plain_s": epochs / whole,
                "cached_s": variants / trunk + epochs / tail,
            }
        )
    return found


def main() -> None:
    """Measure, print, and write where asked to."""
    recipe = default_recipe("resnet50")
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=96)
    parser.add_argument("--epochs", type=int, default=recipe.epochs)
    parser.add_argument("--variants", type=int, default=recipe.variants)
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.name}")
    parser.add_argument("--small", action="store_true", help="a try; its numbers mean nothing")
    options = parser.parse_args()
    begun = time.time()
    found: dict[str, Any] = {
        "commit": revision(),
        "machine": machine(),
        "small": options.small,
        "bfloat16_in_hardware": has_bfloat16(),
        "tuned_from": recipe.tune_from,
        "epochs": options.epochs,
        "variants": options.variants,
    }
    images = BATCH if options.small else options.images
    found["ways"] = measure(images, options.epochs, options.variants, recipe.tune_from)
    found["seconds"] = time.time() - begun
    print(json.dumps(found, indent=1))
    if options.write:
        write_text(RESULT, json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
