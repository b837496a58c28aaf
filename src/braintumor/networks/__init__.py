"""The two networks, their common face, and the augmentation of their training images.

Every network is a Keras functional model from the prepared canvas, float32 (n, size, size, 1) in
0 to 255, to four logits. Its last layers are called `features` (n, h, w, d), `pool` (the mean
over h and w) and `logits`, so that `serving_model` can read class activation maps from either.

This room does not know files, folders or metrics.
"""

from __future__ import annotations

from braintumor.networks.build import NETWORKS, build, default_size, serving_model

__all__ = ["NETWORKS", "build", "default_size", "serving_model"]
