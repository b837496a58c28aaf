"""Phantom images: heads drawn by code, for demo and tests, never for a medical claim."""

from __future__ import annotations

from braintumor.catalog.phantom.dataset import make_phantoms, sample_phantoms

__all__ = ["make_phantoms", "sample_phantoms"]
