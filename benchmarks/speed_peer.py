"""The peer's side of `speed.py`: Keras as its guides show it, float32, on the same architecture.

Reads tasks from standard input, does a round of each, answers. `--save FILE` writes the cnn for
the process that starts cold.
"""

from __future__ import annotations

import csv
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from speed_material import ASKED, SIZES, canvases

from braintumor.classes import CLASSES
from braintumor.networks import build

_BATCH = 32


class Peer:
    """The networks, built when first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._built: dict[str, Any] = {}

    def model(self, network: str) -> Any:
        if network not in self._built:
            self._built[network] = build(network)
        return self._built[network]

    def arrays(self, network: str) -> float:
        pictures = canvases(network).astype(np.float32)[..., np.newaxis]
        model = self.model(network)
        started = time.perf_counter()
        model.predict(pictures, batch_size=_BATCH, verbose=0)
        return len(pictures) / (time.perf_counter() - started)

    def folder_to_csv(self, network: str) -> float:
        model, size = self.model(network), SIZES[network]
        with tempfile.TemporaryDirectory() as temporary:
            started = time.perf_counter()
            slices = keras.utils.image_dataset_from_directory(
                self.folder, labels=None, color_mode="grayscale", image_size=(size, size),
                batch_size=_BATCH, shuffle=False, verbose=False,
            )  # fmt: skip
            shares = tf.nn.softmax(model.predict(slices, verbose=0)).numpy()
            with (Path(temporary) / "out.csv").open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["path", "predicted", *CLASSES])
                for path, share in zip(slices.file_paths, shares, strict=True):
                    writer.writerow([path, CLASSES[int(share.argmax())], *share])
            return len(shares) / (time.perf_counter() - started)

    def latency(self, network: str) -> float:
        """Class by a call, and Grad-CAM (Selvaraju et al. 2017) by a gradient."""
        model, size = self.model(network), SIZES[network]
        if f"{network} cam" not in self._built:
            outputs = [model.get_layer("features").output, model.output]
            self._built[f"{network} cam"] = keras.Model(model.input, outputs)
        both = self._built[f"{network} cam"]
        pictures = canvases(network).astype(np.float32)[..., np.newaxis]
        times = []
        for k in range(ASKED):
            started = time.perf_counter()
            best = int(np.argmax(model(pictures[k : k + 1], training=False)[0]))
            with tf.GradientTape() as tape:
                features, logits = both(pictures[k : k + 1], training=False)
                score = logits[:, best]
            weights = tf.reduce_mean(tape.gradient(score, features), axis=(1, 2), keepdims=True)
            heat = tf.nn.relu(tf.reduce_sum(weights * features, axis=-1, keepdims=True))
            heat = tf.image.resize(heat / (tf.reduce_max(heat) + 1e-8), (size, size)).numpy()
            times.append(time.perf_counter() - started)
            assert heat.shape == (1, size, size, 1)
        return 1e3 * statistics.median(times)


def main() -> None:
    """Answer tasks until the input ends."""
    if sys.argv[1] == "--save":
        build("cnn").save(sys.argv[2])
        return
    peer = Peer(Path(sys.argv[1]))
    ways = {"arrays": peer.arrays, "folder": peer.folder_to_csv, "latency": peer.latency}
    for line in sys.stdin:
        kind, _, network = line.strip().partition(" ")
        print("ANSWER", json.dumps(ways[kind](network)), flush=True)


if __name__ == "__main__":
    main()
