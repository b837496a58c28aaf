"""Errors that a user sees: one polite sentence, with the file and the remedy, never a traceback."""

from __future__ import annotations

import importlib
from contextlib import nullcontext
from types import ModuleType

from braintumor.quiet import tensorflow_silent


class BraintumorError(Exception):
    """Bad input or a failed check; its text is the whole message. The command exits with 1."""


class InUseError(BraintumorError):
    """Another process works in the same place; what lies there is not to be touched."""


class MissingExtraError(BraintumorError):
    """A part of the software that was not installed; the text holds the command that does it."""

    def __init__(self, extra: str, what: str) -> None:
        super().__init__(
            f"{what} needs the extra [{extra}], which is not installed: "
            f"run  pip install '.[{extra}]'  in the folder of the project"
        )
        self.extra, self.what = extra, what

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        # A worker's error travels to the process that tells it.
        return (type(self), (self.extra, self.what))


def require(module: str, *, extra: str, what: str) -> ModuleType:
    """Import a module that only an extra installs; Keras without the notes of its TensorFlow.

    Raises:
        MissingExtraError: the module, or one that it needs, is not installed.
    """
    try:
        with tensorflow_silent() if module == "keras" else nullcontext():
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtraError(extra, what) from error
