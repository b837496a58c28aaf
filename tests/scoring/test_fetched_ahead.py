"""Many files from a store: some fetched ahead of their turn, and of large ones never many."""

from __future__ import annotations

import pytest

from braintumor.images.decode import ImageError, Limits
from braintumor.scoring import remote


def test_files_are_fetched_ahead_in_order_and_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []

    def read(name: str, most: int) -> bytes:
        begun.append(name)
        if name == "7":
            raise ImageError(name, "it is gone")
        return name.encode()

    monkeypatch.setattr(remote, "read", read)
    results = remote.read_all(map(str, range(100)))
    assert next(results) == b"0"
    assert len(begun) <= remote._AT_ONCE + 1
    rest = list(results)
    assert isinstance(rest.pop(6), ImageError)
    assert rest == [str(k).encode() for k in range(1, 100) if k != 7]


def test_large_files_are_fetched_whole_in_their_turn_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen volumes of a gigabyte, fetched ahead, would all lie in memory at once."""
    monkeypatch.setattr(remote, "_SMALL", 10)
    sizes = {"small": 10, "volume": 400, "picture": 400}
    heads = {"small": b"", "volume": b"\x1f\x8b", "picture": b"\x89PNG\r\n\x1a\n"}
    asked: list[tuple[str, int]] = []

    def read(name: str, most: int) -> bytes:
        asked.append((name, most))
        return heads[name].ljust(sizes[name], b".")[: most + 1]

    monkeypatch.setattr(remote, "read", read)
    monkeypatch.setattr(remote, "Limits", lambda: Limits(max_bytes=100, max_volume_bytes=10_000))
    results = remote.read_all(["small", "volume", "picture"])
    assert len(next(results)) == 10
    assert not [most for _, most in asked if most > 10], "the large ones wait"
    assert [len(found) for found in results] == [400, 101]  # one too many: decoding says so
    assert asked[-2:] == [("volume", 10_000), ("picture", 100)]
