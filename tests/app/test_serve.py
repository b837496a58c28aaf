"""How the page is served, and the command that does it."""

from __future__ import annotations

import io
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from socket_recorder import free_port

from braintumor.app import serve
from braintumor.app.memory import MAX_UPLOAD_MB
from braintumor.cli import main
from braintumor.errors import BraintumorError, MissingExtraError


def settings(host: str = "127.0.0.1") -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for flag in serve.flags(host=host, port=8501):
        name, value = flag.removeprefix("--").split("=", 1)
        found.setdefault(name, []).append(value)
    return found


class TestSettings:
    def test_are_silent_to_the_world_and_safe(self) -> None:
        found = settings()
        assert found["browser.gatherUsageStats"] == ["false"]
        assert found["server.enableXsrfProtection"] == ["true"]
        assert found["server.fileWatcherType"] == ["none"]
        assert found["server.headless"] == ["true"]
        assert found["client.showErrorDetails"] == ["none"]
        assert found["server.maxUploadSize"] == [str(MAX_UPLOAD_MB)]
        assert found["server.address"] == ["127.0.0.1"]

    def test_on_this_computer_alone_no_other_name_is_answered(self) -> None:
        assert settings()["server.allowedHosts"] == ["localhost", "127.0.0.1", "::1"]
        assert "server.allowedHosts" not in settings("0.0.0.0")

    def test_are_all_known_to_streamlit(self) -> None:
        from streamlit import config

        config.get_config_options()
        assert set(settings()) <= set(config._config_options_template)

    def test_let_captions_be_read(self) -> None:
        """Streamlit draws them in three fifths of the text's colour, here on white."""
        (colour,) = settings()["theme.light.textColor"]
        shares = [1 - 0.6 * (1 - int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5)]
        linear = [((share + 0.055) / 1.055) ** 2.4 for share in shares]
        luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        assert 1.05 / (luminance + 0.05) >= 4.5  # WCAG 2.2, level AA


class TestPort:
    def test_that_is_free_is_used(self) -> None:
        port = free_port()
        assert serve.free_port("127.0.0.1", port) == port

    def test_that_is_taken_is_a_sentence_with_the_remedy(self) -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            with pytest.raises(BraintumorError, match=rf"port {port} is taken.*--port"):
                serve.free_port("127.0.0.1", port)

    def test_that_nobody_asked_for_is_the_next_free_one(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            taken = other.getsockname()[1]
            monkeypatch.setattr(serve, "DEFAULT_PORT", taken)
            assert serve.free_port("127.0.0.1", None) > taken

    @pytest.mark.parametrize("host", ["192.0.2.1", "no such name.invalid"])
    def test_an_address_of_another_computer_is_a_sentence(self, host: str) -> None:
        with pytest.raises(BraintumorError, match=r"not an address of this computer.*--host"):
            serve.free_port(host, free_port())


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "http://127.0.0.1:8501"),
        ("localhost", "http://localhost:8501"),
        ("0.0.0.0", "http://127.0.0.1:8501"),
        ("::", "http://[::1]:8501"),
    ],
)
def test_the_address_is_one_that_a_browser_can_open(host: str, expected: str) -> None:
    assert serve.url(host, 8501) == expected


class TestBrowser:
    """Opened where somebody sits before this computer, and nowhere else."""

    @pytest.fixture
    def opened(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The addresses that a browser was sent to; somebody sits before a Linux desktop."""
        addresses: list[str] = []
        monkeypatch.setattr("webbrowser.open", addresses.append)
        monkeypatch.setattr("platform.system", lambda: "Linux")
        monkeypatch.setenv("DISPLAY", ":0")
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        return addresses

    def test_is_opened_once_the_page_answers_after_its_address_was_said(
        self, opened: list[str], answering: int
    ) -> None:
        before: list[tuple[str, int]] = []

        def say(address: str) -> None:
            before.append((address, len(opened)))

        serve._announce("127.0.0.1", answering, partial(tell, say=say, port=answering))
        address = f"http://127.0.0.1:{answering}"
        assert before == [(address, 0)]
        assert opened == [address]

    @pytest.mark.parametrize("screen", ["DISPLAY", "WAYLAND_DISPLAY"])
    def test_either_kind_of_screen_will_do(
        self, opened: list[str], monkeypatch: pytest.MonkeyPatch, screen: str
    ) -> None:
        monkeypatch.delenv("DISPLAY")
        monkeypatch.setenv(screen, "0")
        tell()
        assert len(opened) == 1

    def test_is_not_opened_where_there_is_no_screen(
        self, opened: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("DISPLAY")
        assert tell() == ["http://127.0.0.1:8501"]
        assert opened == []

    @pytest.mark.parametrize("system", ["Darwin", "Windows"])
    def test_there_is_always_a_screen_on_macos_and_windows(
        self, opened: list[str], monkeypatch: pytest.MonkeyPatch, system: str
    ) -> None:
        monkeypatch.delenv("DISPLAY")
        monkeypatch.setattr("platform.system", lambda: system)
        tell()
        assert len(opened) == 1

    def test_is_not_opened_where_nobody_reads_what_is_printed(self, opened: list[str]) -> None:
        assert tell(out=io.StringIO()) == ["http://127.0.0.1:8501"]
        assert opened == []

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5"])
    def test_is_not_opened_where_the_page_is_for_other_computers(
        self, opened: list[str], host: str
    ) -> None:
        assert tell(host=host) == [serve.url(host, 8501)]
        assert opened == []

    def test_is_not_opened_where_nobody_wants_it(self, opened: list[str]) -> None:
        assert tell(wanted=False) == ["http://127.0.0.1:8501"]
        assert opened == []

    def test_that_cannot_be_opened_costs_nothing_but_itself(
        self, opened: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(_: str) -> bool:
            raise OSError("no browser")

        monkeypatch.setattr("webbrowser.open", fail)
        assert tell() == ["http://127.0.0.1:8501"]

    @pytest.mark.parametrize("out", [None, "closed"])
    def test_nor_does_an_output_that_is_gone(self, opened: list[str], out: str | None) -> None:
        gone = Terminal()
        gone.close()
        assert tell(out=gone if out else None) == ["http://127.0.0.1:8501"]
        assert opened == []


class Terminal(io.StringIO):
    """An output that somebody reads as it comes."""

    def isatty(self) -> bool:
        return not self.closed or super().isatty()


SEEN = Terminal()


def tell(
    *,
    host: str = "127.0.0.1",
    port: int = 8501,
    wanted: bool = True,
    say: Callable[[str], None] | None = None,
    out: io.StringIO | None = SEEN,
) -> list[str]:
    """Tell of a page that answers; the addresses that were said."""
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        serve._tell(host, port, say or said.append, wanted)
    return said


@pytest.fixture
def answering() -> Iterator[int]:
    """The port of a server that is well, as the page's says of itself."""

    class Well(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/_stcore/health" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with HTTPServer(("127.0.0.1", 0), Well) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield int(server.server_address[1])
        server.shutdown()


class TestCommand:
    @pytest.fixture
    def served(self, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = []
        monkeypatch.setattr(serve, "serve", lambda **given: calls.append(given))
        return calls

    def test_listens_to_this_computer_alone_unless_told_otherwise(
        self, served: list[dict[str, Any]]
    ) -> None:
        assert run() == 0
        assert served[0]["host"] == "127.0.0.1"
        assert run("--host", "0.0.0.0", "--port", "9000") == 0
        assert (served[1]["host"], served[1]["port"]) == ("0.0.0.0", 9000)

    @pytest.mark.parametrize(
        ("host", "warned"),
        [
            ("127.0.0.1", False),
            ("127.0.0.2", False),
            ("::1", False),
            ("localhost", False),
            ("0.0.0.0", True),
            ("::", True),
            ("192.168.1.5", True),
            ("fe80::1", True),
            ("workstation.example", True),
        ],
    )
    def test_says_that_there_is_no_password_where_others_can_reach_it(
        self,
        served: list[dict[str, Any]],
        host: str,
        warned: bool,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        assert run("--host", host) == 0
        served[0]["say"]("http://there:8501")
        said = capsys.readouterr().out
        assert "http://there:8501" in said
        assert ("there is no password" in said) is warned

    def test_opens_a_browser_unless_told_otherwise(self, served: list[dict[str, Any]]) -> None:
        assert run() == 0
        assert run("--no-browser") == 0
        assert [one["open_browser"] for one in served] == [True, False]

    def test_takes_bundles_and_names_their_whole_path(
        self,
        served: list[dict[str, Any]],
        tiny: Path,
        turned: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.chdir(tiny.parent)
        assert run("--model", tiny.name, "--model", str(turned)) == 0
        assert served[0]["bundles"] == [str(tiny), str(turned)]

    def test_names_a_folder_that_is_no_bundle(
        self, served: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run("--model", str(tmp_path)) == 1
        assert str(tmp_path) in capsys.readouterr().err
        assert not served

    @pytest.mark.parametrize("arguments", [["--port", "0"], ["--port", "x"], ["what"]])
    def test_wrong_usage_is_status_2(
        self, served: list[dict[str, Any]], arguments: list[str]
    ) -> None:
        assert run(*arguments) == 2
        assert not served

    def test_without_streamlit_it_is_one_sentence_with_the_command(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(__import__("sys").modules, "streamlit", None)
        with pytest.raises(MissingExtraError, match=r"pip install '\.\[app\]'"):
            serve.serve(host="127.0.0.1", port=None, bundles=[], say=print)

    def test_help_needs_nothing(self) -> None:
        told = CliRunner().invoke(main.cli, ["app", "--help"])
        assert told.exit_code == 0
        assert "--model" in told.output


def run(*arguments: str) -> int:
    """Run `braintumor app` and return its exit status."""
    with pytest.raises(SystemExit) as stop:
        main.run(["app", *arguments])
    return int(stop.value.code or 0)
