"""Records what a Python process does to the outside: connections, name look-ups, files written.

A hook of the interpreter (PEP 578) sees every library's calls, so nothing can go past it from
Python. It does not see what compiled code does on its own.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import socket
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

LOG_VARIABLE = "RECORDER_LOG"

# Put as `sitecustomize.py` on the path of a child: it runs before anything else does.
_SITECUSTOMIZE = """
import json, os, sys

_log = os.open(os.environ["RECORDER_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def _hook(event, args):
    if event in ("socket.connect", "socket.sendto"):
        told = args[1]
    elif event == "socket.getaddrinfo":
        told = [args[0], args[1]]
    elif event == "open" and isinstance(args[2], int) and args[2] & _WRITES:
        told = os.fsdecode(args[0]) if isinstance(args[0], (str, bytes)) else None
    else:
        return
    if told is not None:
        os.write(_log, (json.dumps([event, told], default=repr) + "\\n").encode())


sys.addaudithook(_hook)
"""


@dataclass
class Recording:
    """What was seen.

    Attributes:
        addresses: of connections, datagrams and look-ups that are not this computer's own.
        written: files opened for writing.
        events: how many of any kind.
    """

    addresses: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    events: int = 0


class Recorder:
    """Makes the environment of children that are to be watched, and reads what they did."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "recording.jsonl"
        self._path = folder / "recorder"
        self._path.mkdir()
        (self._path / "sitecustomize.py").write_text(_SITECUSTOMIZE)

    def environment(self) -> dict[str, str]:
        """The environment for a child process."""
        path = os.pathsep.join(filter(None, [str(self._path), os.environ.get("PYTHONPATH", "")]))
        return {**os.environ, "PYTHONPATH": path, LOG_VARIABLE: str(self._log)}

    def read(self) -> Recording:
        """What the children did so far."""
        found = Recording()
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        for event, told in map(json.loads, lines):
            found.events += 1
            if event == "open":
                if not told.startswith(("/dev/", "/proc/")) and not _is_probe(told):
                    found.written.append(told)
            elif not is_own(told):
                found.addresses.append(f"{event} {told}")
        return found


def is_of_the_software(path: str) -> bool:
    """Python's cache of compiled modules, the folder of compiled graphs, and its empty lock.

    They hold what the software is made of, and nothing of what it was shown.
    """
    cache = Path(os.environ["BRAINTUMOR_CACHE"])
    lock = cache / "models" / "compiling.lock"
    if Path(path) == lock:
        return not lock.exists() or lock.stat().st_size == 0
    return "__pycache__" in path or Path(path) in (cache, cache / "models")


def _is_probe(path: str) -> bool:
    """Whether a file is the four letters by which `tempfile` tries out a folder at first use.

    Their names have 8 letters; those of true temporary files begin with a prefix, "tmp".
    """
    place = Path(path)
    return place.parent == Path(tempfile.gettempdir()) and bool(
        re.fullmatch("[a-z0-9_]{8}", place.name)
    )


def is_own(address: object) -> bool:
    """Whether an address is this computer's own: a loopback one, a local socket, or none."""
    if isinstance(address, str | None):
        return True  # the path of a Unix socket
    host = address[0] if isinstance(address, list) else address
    if host is None or host in ("localhost", ""):
        return True
    try:
        return ipaddress.ip_address(str(host).split("%")[0]).is_loopback
    except ValueError:
        return False


def free_port() -> int:
    """A port that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


PYTHON = sys.executable
