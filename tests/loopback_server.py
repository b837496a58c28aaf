"""A small server on this computer that gives files, and misbehaves as real ones do."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_PIECE = 64 * 2**10


@dataclass
class Loopback:
    """The server's files, its manners, and what it was asked.

    Attributes:
        address: of the server, without a slash at the end.
        files: bytes by path ("/x.zip").
        statuses: HTTP statuses with which the next requests are answered, one each.
        breaks: after how many bytes the next answers break off, one each.
        ranges: whether it can begin in the middle.
        asked: (path with query, Range header or "") of every request.
        taken: how many bytes of the answers the system took before the other side hung up.
    """

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    breaks: list[int] = field(default_factory=list)
    ranges: bool = True
    asked: list[tuple[str, str]] = field(default_factory=list)
    taken: int = 0


@contextmanager
def loopback() -> Iterator[Loopback]:
    """A running server; stopped at the end of the block."""
    state = Loopback()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            state.asked.append((self.path, wanted))
            data = state.files.get(self.path.partition("?")[0])
            if state.statuses or data is None:
                self.send_error(state.statuses.pop(0) if state.statuses else 404)
                return
            start = 0
            if state.ranges and (found := re.fullmatch(r"bytes=(\d+)-", wanted)):
                start = int(found[1])
                if start >= len(data):
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{len(data)}")
                    self.end_headers()
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            end = start + state.breaks.pop(0) if state.breaks else len(data)
            with suppress(ConnectionError):
                for at in range(start, min(end, len(data)), _PIECE):
                    state.taken += self.wfile.write(data[at : min(at + _PIECE, end)])

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
