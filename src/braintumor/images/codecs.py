"""Compressed DICOM frames, decoded in a process of their own.

The decoders of JPEG, JPEG-LS and JPEG 2000 are native code, which a damaged file can crash, hang or
make greedy, and which Python cannot interrupt. So they run in a child (`codec_child.py`) that is
started with the first compressed frame and kept: if it dies, takes too long or asks for too much
memory, one file is refused and the next one gets a new child. It is given a frame's bytes and
shape, and nothing that says whose they are.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

import braintumor

_DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
_START = "from braintumor.images.codec_child import main; main()"


class CodecError(Exception):
    """A frame that could not be decoded; its text is a clause without a full stop."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What a decoder must know of a frame; named as in PS3.3 C.7.6.3."""

    syntax: str
    rows: int
    columns: int
    samples: int
    photometric: str
    bits_allocated: int
    bits_stored: int
    signed: bool
    planar: int


def decode_frame(data: bytes, frame: Frame, *, max_seconds: float) -> NDArray[np.generic]:
    """Decode one frame: (rows, columns), or (rows, columns, 3) as RGB.

    Args:
        data: the compressed bytes.
        frame: what they are.
        max_seconds: after which the decoder is stopped.

    Raises:
        CodecError: damaged, too slow, or more than the decoder may use of the memory.
    """
    with _LOCK:
        # A child may have died of something else meanwhile, so the frame gets a second, new one.
        for _ in range(2):
            child = _child()
            try:
                return child.decode(data, frame, max_seconds)
            except (OSError, EOFError):
                _forget()
                if child.late:
                    raise CodecError(
                        f"decoding it took longer than the {max_seconds:g} s that are allowed"
                    ) from None
            except CodecError:
                raise
            except BaseException:
                _forget()  # interrupted: its answer must not be taken for that of another frame
                raise
    raise CodecError("its compressed pixels are damaged: export it again")


class _Child:
    """The decoding process and the pipes to it."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.late = False
        home = str(Path(braintumor.__file__).parents[1])
        path = os.pathsep.join(dict.fromkeys([home, *filter(None, sys.path)]))
        self.process = subprocess.Popen(
            # -P: a folder of images is no place to import modules from
            [sys.executable, "-P", "-c", _START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # decoders quote what they find
            env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        )
        # The imports are not the file's fault, and do not count as its time.
        receive(self._out)

    @property
    def _out(self) -> IO[bytes]:
        assert self.process.stdout is not None
        return self.process.stdout

    def decode(self, data: bytes, frame: Frame, max_seconds: float) -> NDArray[np.generic]:
        assert self.process.stdin is not None
        watch = threading.Timer(max_seconds, self._stop_late)
        watch.start()
        try:
            send(self.process.stdin, asdict(frame), data)
            answer, pixels = receive(self._out)
        finally:
            watch.cancel()
        if "error" in answer:
            raise CodecError(str(answer["error"]))
        shape = tuple(int(side) for side in answer["shape"])
        if answer["dtype"] not in _DTYPES:
            raise EOFError
        return np.frombuffer(pixels, answer["dtype"]).reshape(shape)

    def _stop_late(self) -> None:
        self.late = True
        self.process.kill()

    def stop(self) -> None:
        if self.owner == os.getpid():  # after a fork, it is the parent's
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                with contextlib.suppress(OSError):  # what it had not read yet
                    pipe.close()  # type: ignore[union-attr]


_LOCK = threading.Lock()
_RUNNING: list[_Child] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: globals().update(_LOCK=threading.Lock()))


def _child() -> _Child:
    if _RUNNING and (_RUNNING[0].owner != os.getpid() or _RUNNING[0].process.poll() is not None):
        _forget()
    if not _RUNNING:
        try:
            _RUNNING.append(_Child())
        except (OSError, EOFError):
            raise CodecError("the process that decodes it could not be started") from None
    return _RUNNING[0]


@atexit.register
def _forget() -> None:
    while _RUNNING:
        _RUNNING.pop().stop()


def send(pipe: IO[bytes], header: dict[str, Any], body: bytes) -> None:
    """Write one message: two lengths, a JSON header, a body."""
    head = json.dumps(header).encode()
    pipe.write(len(head).to_bytes(8, "big") + len(body).to_bytes(8, "big") + head)
    pipe.write(body)
    pipe.flush()


def receive(pipe: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """Read one message.

    Raises:
        EOFError: the other side is gone.
    """
    lengths = pipe.read(16)
    if len(lengths) < 16:
        raise EOFError
    head, body = int.from_bytes(lengths[:8], "big"), int.from_bytes(lengths[8:], "big")
    header, data = pipe.read(head), pipe.read(body)
    if len(header) < head or len(data) < body:
        raise EOFError
    return json.loads(header), data
