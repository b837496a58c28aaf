"""The two networks, their common face, and the augmentation of their training images.

Every network is a Keras functional model from the prepared canvas, float32 (n, size, size, 1) in
0 to 255, to four logits. Its last layers, made by `where.attend`, are `features` (n, h, w, d),
`evidence`, `where`, `maps` and `logits`, so that every network is trained and served alike.

This room does not know files, folders or metrics.
"""

from __future__ import annotations

from braintumor.networks.build import NETWORKS, SIZE_STEP, build, default_size, serving_model

__all__ = ["NETWORKS", "SIZE_STEP", "build", "default_size", "serving_model"]
