"""Data sets that could be fetched, and pictures to put into them."""

from __future__ import annotations

import io

from PIL import Image

from braintumor.catalog.fetch.sources import Release, Source


def made_source(kind: str, counts: dict[str, int], **more: object) -> Source:
    release = Release(name="the made one", images=sum(counts.values()), counts=counts)
    about = dict.fromkeys(("title", "page", "licence", "citation", "size", "hashes"), "made here")
    fields = {"name": "made", "kind": kind, "strict": True, **about, **more}
    return Source.model_validate({**fields, "releases": [release]})


def png(value: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (8, 8), value).save(buffer, "PNG")
    return buffer.getvalue()
