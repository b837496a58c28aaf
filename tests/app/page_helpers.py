"""Pictures, tables and hands for the tests of the page."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tiny_bundle import striped

from braintumor.app import texts
from braintumor.evaluation.predictions import Predictions


def encode(pixels: NDArray[np.uint8], form: str = "PNG") -> bytes:
    """A grey picture as the bytes of a file."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form)
    return out.getvalue()


def upload(page: Any, files: dict[str, bytes]) -> Any:
    """Drop files onto the page and let it run."""
    page.file_uploader[0].set_value([(name, data, "image/png") for name, data in files.items()])
    return page.run()


def stripes(*kinds: str) -> dict[str, bytes]:
    """Files that the tiny bundle knows: upright (glioma), level, even, checked."""
    return {f"{kind}.png": encode(striped(kind)) for kind in kinds}


def words(page: Any) -> str:
    """Everything that the page says in text, as a person reads it."""
    kinds = ("title", "header", "markdown", "caption", "info", "warning", "error", "success")
    told = [str(one.value) for kind in kinds for one in page.get(kind)]
    told += [one.text for one in page.get("progress")]
    return as_read("\n".join(told))


def as_read(markdown: str) -> str:
    """A text without what `texts.in_markdown` puts into it, which nobody sees."""
    return markdown.replace("\\", "").replace(texts.JOINER, "")


def make_table(n: int = 200, *, model: str = "tiny") -> Predictions:
    """Predictions of a rather good network on valid and test, and a useless one on train."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, n)
    logits = rng.normal(size=(n, 4))
    split = np.array(["train", "valid", "test", "test"])[np.arange(n) % 4]
    logits[np.arange(n), truth] += np.where(split == "train", 0.0, 2.5)
    prob = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    paths = [f"{part}/{i}.png" for i, part in enumerate(split)]
    return Predictions.from_arrays(paths, truth, prob, split=list(split), model=model)
