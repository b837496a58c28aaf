"""Starts the page's server: on this computer only, silent to the world; says and shows where it is.

Knows Streamlit's settings; not what the page shows.
"""

from __future__ import annotations

import errno
import http.client
import ipaddress
import os
import platform
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path

from braintumor.app.memory import MAX_UPLOAD_MB, keep_uploads_in_memory
from braintumor.errors import BraintumorError, require

DEFAULT_PORT = 8501
_PORTS_TRIED = 100
_SCRIPT = Path(__file__).parent / "main.py"
# Sizes of the title, of a page's parts (which are called by names of files: a phone needs room for
# them) and of what each network says.
_HEADINGS = '["2.75rem", "1.75rem", "1.25rem"]'


def serve(
    *,
    host: str,
    port: int | None,
    bundles: Sequence[str],
    say: Callable[[str], None],
    with_shipped: bool = True,
    open_browser: bool = False,
) -> None:
    """Serve the page until it is stopped with Ctrl-C.

    Args:
        host: address to listen on; 127.0.0.1 is this computer alone.
        port: of the page; the first free one from 8501 where None.
        bundles: folders or shipped names, offered beside what is shipped.
        say: told where the page is, once it answers.
        with_shipped: whether what is shipped is offered at all.
        open_browser: open the page in the browser, where somebody sits before this computer.

    Raises:
        BraintumorError: the address or port cannot be used.
        MissingExtraError: Streamlit is not installed.
    """
    require("streamlit", extra="app", what="The page")
    require("altair", extra="app", what="The page")
    port = free_port(host, port)
    # The whole page, so that its imports are done before the first visitor comes.
    import_module("braintumor.app.classify")
    from braintumor.app.models import BUNDLES_VARIABLE, ONLY_NAMED_VARIABLE, SEPARATOR

    os.environ[BUNDLES_VARIABLE] = SEPARATOR.join(bundles)
    os.environ[ONLY_NAMED_VARIABLE] = "" if with_shipped else "yes"
    keep_uploads_in_memory()
    ask_nobody_for_our_address(host)
    tell = partial(_tell, host, port, say, open_browser)
    threading.Thread(target=_announce, args=(host, port, tell), daemon=True).start()
    from streamlit.web import cli

    cli.main(["run", str(_SCRIPT), *flags(host=host, port=port)], standalone_mode=False)


def ask_nobody_for_our_address(host: str) -> None:
    """Keep Streamlit from asking a web service which address this computer has.

    It does so when a page of another origin wants in, which any page in the visitor's browser can
    bring about, and lets all others wait meanwhile. That origin is refused without it. A page that
    is served to a network still knows its own address there, which Streamlit gets from the system.
    """
    from streamlit import net_util

    net_util.get_external_ip = lambda: None
    if is_loopback(host):
        net_util.get_internal_ip = lambda: None


def flags(*, host: str, port: int) -> list[str]:
    """The settings as arguments of `streamlit run`; they win over any file of settings."""
    settings: list[tuple[str, str]] = [
        ("server.address", host),
        ("server.port", str(port)),
        ("server.headless", "true"),
        ("server.showEmailPrompt", "false"),
        ("server.fileWatcherType", "none"),
        ("server.runOnSave", "false"),
        ("server.enableCORS", "true"),
        ("server.enableXsrfProtection", "true"),
        ("server.maxUploadSize", str(MAX_UPLOAD_MB)),
        ("server.enableStaticServing", "false"),
        ("browser.gatherUsageStats", "false"),
        ("browser.serverAddress", _for_people(host)),
        ("client.toolbarMode", "minimal"),
        # What a fault says can hold a file's name; it goes to nobody's screen.
        ("client.showErrorDetails", "none"),
        ("logger.hideWelcomeMessage", "true"),
        ("runner.magicEnabled", "false"),
        # One for each of the two: a theme for both would take the dark one away.
        ("theme.light.primaryColor", "#1f77c9"),
        ("theme.dark.primaryColor", "#4da3ea"),
        ("theme.light.paddingTop", "1rem"),
        ("theme.dark.paddingTop", "1rem"),
        ("theme.light.headingFontSizes", _HEADINGS),
        ("theme.dark.headingFontSizes", _HEADINGS),
        # Captions are drawn in three fifths of it, and any lighter they would be hard to read.
        ("theme.light.textColor", "#000000"),
    ]
    if is_loopback(host):
        # No page on the internet can pass itself off as this computer (DNS rebinding).
        settings += [("server.allowedHosts", name) for name in ("localhost", "127.0.0.1", "::1")]
    return [f"--{name}={value}" for name, value in settings]


def free_port(host: str, port: int | None) -> int:
    """The port to use: the one asked for, or the first free one from 8501.

    Raises:
        BraintumorError: it is taken, or the address is not one of this computer's.
    """
    tried = [port] if port is not None else range(DEFAULT_PORT, DEFAULT_PORT + _PORTS_TRIED)
    for candidate in tried:
        if _is_free(host, candidate):
            return candidate
    raise BraintumorError(
        f"port {tried[0]} is taken: stop what uses it, or choose another with --port"
    )


def _is_free(host: str, port: int) -> bool:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise BraintumorError(
            f"{host} is not an address of this computer: leave --host away to use 127.0.0.1"
        ) from error
    with socket.socket(family, kind, protocol) as probe:
        if os.name != "nt":  # there the option takes a port away from whoever has it
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except PermissionError as error:
            raise BraintumorError(
                f"port {port} needs an administrator: choose one from 1024 up with --port"
            ) from error
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise BraintumorError(
                    f"{host} is not an address of this computer: leave --host away to use 127.0.0.1"
                ) from error
            return False
    return True


def _announce(host: str, port: int, tell: Callable[[], None]) -> None:
    """Tell of the page once it answers; a browser sent there earlier would find nothing."""
    for _ in range(600):
        connection = http.client.HTTPConnection(_for_people(host), port, timeout=1)
        try:
            connection.request("GET", "/_stcore/health")
            if connection.getresponse().status == 200:
                tell()
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.1)


def _tell(host: str, port: int, say: Callable[[str], None], open_browser: bool) -> None:
    """Say where the page is, and show it where that is wanted and can be."""
    address = url(host, port)
    say(address)
    # Whatever goes wrong with a browser, the address was said and the page is served.
    with suppress(Exception):
        if open_browser and somebody_sits_here(host):
            webbrowser.open(address)


def somebody_sits_here(host: str) -> bool:
    """Whether a browser that is opened here is seen by whoever started the page.

    It is not where the page is for others' computers, where nobody watches what is printed (a
    service, a script), or where there is no screen, as on a server.
    """
    screen = platform.system() in ("Darwin", "Windows") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    return screen and is_loopback(host) and sys.stdout.isatty()


def url(host: str, port: int) -> str:
    """Address of the page for a browser on this computer."""
    name = _for_people(host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def _for_people(host: str) -> str:
    """The address to type: one that listens everywhere is reached here by its own."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this computer alone; of names, only localhost is."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
