"""Nothing that a user does here leaves the computer."""

from __future__ import annotations

import http.client
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from socket_recorder import PYTHON, Recorder, Recording, free_port, is_of_the_software
from tiny_bundle import make_tiny_bundle, striped

from braintumor import privacy


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make_tiny_bundle(tmp_path / "bundle")


@pytest.fixture
def watched(recorder: Recorder, tmp_path: Path) -> Callable[[str], Recording]:
    """Runs a piece of Python in a process of its own, with a home of its own, and watches it."""

    def run(code: str) -> Recording:
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        done = subprocess.run(
            [PYTHON, "-c", code],
            env=recorder.environment() | {"HOME": str(home)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return recorder.read()

    return run


class TestRecorder:
    """A watchman who sees nothing proves nothing."""

    def test_sees_connections_look_ups_and_datagrams(
        self, watched: Callable[[str], Recording]
    ) -> None:
        # 192.0.2.1 is kept for documentation (RFC 5737): nobody is there.
        seen = watched(
            "import socket\n"
            "s = socket.socket(); s.setblocking(False); s.connect_ex(('192.0.2.1', 9))\n"
            "d = socket.socket(type=socket.SOCK_DGRAM); d.setblocking(False)\n"
            "try: d.sendto(b'', ('192.0.2.2', 9))\n"
            "except OSError: pass\n"
            "try: socket.getaddrinfo('name.invalid', 80)\n"
            "except OSError: pass\n"
        )
        for host in ("192.0.2.1", "192.0.2.2", "name.invalid"):
            assert any(host in one for one in seen.addresses), host

    def test_sees_files_that_are_written_temporary_ones_too(
        self, watched: Callable[[str], Recording], tmp_path: Path
    ) -> None:
        seen = watched(
            "import tempfile\n"
            "f = tempfile.SpooledTemporaryFile(max_size=10); f.write(b'x' * 20)\n"
            "open('mine.txt', 'w').close()\n"
        )
        assert "mine.txt" in seen.written
        assert len(seen.written) >= 2

    def test_lets_this_computer_talk_to_itself(self, watched: Callable[[str], Recording]) -> None:
        seen = watched(
            "import socket\n"
            "s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()\n"
            "socket.create_connection(s.getsockname()).close()\n"
        )
        assert seen.events >= 1
        assert not seen.addresses


class TestEnvironment:
    def test_importing_the_package_switches_telemetry_off(self) -> None:
        code = "import braintumor, os, json; print(json.dumps(dict(os.environ)))"
        loud = dict.fromkeys(privacy._SILENT, "yes please")
        told = subprocess.run(
            [PYTHON, "-c", code],
            env={**os.environ, **loud},
            capture_output=True,
            text=True,
            check=True,
        )
        for name, value in privacy._SILENT.items():
            assert f'"{name}": "{value}"' in told.stdout

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("STREAMLIT_BROWSER_GATHER_USAGE_STATS", "false"),
            ("RAY_USAGE_STATS_ENABLED", "0"),
            ("MLFLOW_DISABLE_TELEMETRY", "true"),
            ("DO_NOT_TRACK", "1"),
        ],
    )
    def test_the_switches_are_set_as_their_owners_want_them(
        self, name: str, value: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(name, "something else")
        privacy.silence_telemetry()
        assert os.environ[name] == value

    def test_openvino_is_kept_from_its_reporter(self) -> None:
        """It reports to Google Analytics at import unless a file in the home forbids it."""
        code = (
            "import braintumor, sys, openvino\n"
            "assert not any(sys.modules[m] for m in sys.modules if 'openvino_telemetry' in m)\n"
        )
        subprocess.run([PYTHON, "-c", code], check=True)


def test_quantising_connects_to_nothing(watched: Callable[[str], Recording], bundle: Path) -> None:
    """NNCF would report its use to Google Analytics, as OpenVINO would."""
    pytest.importorskip("nncf", reason="SKIPPED FOR WANT OF the extra [train]")
    seen = watched(
        "import numpy as np\n"
        "from pathlib import Path\n"
        "from braintumor.training.quantise import quantised\n"
        f"graph = (Path({str(bundle)!r}) / 'model.onnx').read_bytes()\n"
        "canvases = np.random.default_rng(0).integers(0, 255, (4, 64, 64)).astype(np.uint8)\n"
        "assert b'QuantizeLinear' in quantised(graph, canvases)\n"
    )
    assert seen.addresses == []


def test_predicting_connects_to_nothing_and_writes_nothing(
    watched: Callable[[str], Recording], bundle: Path, tmp_path: Path
) -> None:
    Image.fromarray(striped("upright")).save(tmp_path / "slice.png")
    seen = watched(
        "from braintumor import Classifier\n"
        f"c = Classifier.load({str(bundle)!r})\n"
        "assert c.predict('slice.png').predicted == 'glioma'\n"
        "assert c.explain('slice.png').heat.any()\n"
    )
    assert seen.addresses == []
    assert [one for one in seen.written if not is_of_the_software(one)] == []


def test_scoring_connects_to_nothing_and_writes_the_table_alone(
    watched: Callable[[str], Recording], bundle: Path, tmp_path: Path
) -> None:
    Image.fromarray(striped("upright")).save(tmp_path / "slice.png")
    seen = watched(
        "from braintumor.cli.main import run\n"
        "try:\n"
        f"    run(['predict', 'slice.png', '--out', 't.csv', '--model', {str(bundle)!r}])\n"
        "except SystemExit as end:\n"
        "    assert end.code == 0\n"
    )
    assert seen.addresses == []
    written = [one for one in seen.written if not is_of_the_software(one)]
    assert [Path(one).name for one in written] == ["t.csv.part"]
    assert (tmp_path / "t.csv").is_file()


def test_logging_to_mlflow_connects_to_nothing(
    watched: Callable[[str], Recording], tmp_path: Path
) -> None:
    pytest.importorskip("mlflow", reason="SKIPPED FOR WANT OF THE EXTRA [mlflow]")
    rows = "".join(f"{i % 4},0.4,0.3,0.2,0.1\n" for i in range(8))
    (tmp_path / "t.csv").write_text("label,p_0,p_1,p_2,p_3\n" + rows, encoding="utf-8")
    seen = watched(
        "import braintumor, time\n"
        "from pathlib import Path\n"
        "from braintumor.evaluation import foreign, tracking\n"
        "from braintumor.evaluation.judgement import judge\n"
        "from braintumor.evaluation.run_tables import RunTables\n"
        "table = foreign.read('t.csv').predictions\n"
        "tracking.curves.part_figures = lambda part: []\n"
        "tracking.log(judge(RunTables(None, Path('t.csv'), table)), Path('.'), 'mlruns')\n"
        "time.sleep(2)  # a reporter would send from a thread of its own\n"
    )
    assert any("mlruns" in one for one in seen.written)
    assert seen.addresses == []


class TestPage:
    @pytest.fixture(autouse=True)
    def _needs_streamlit(self) -> None:
        pytest.importorskip("streamlit", reason="SKIPPED FOR WANT OF THE EXTRA [app]")

    @pytest.fixture
    def home(self, tmp_path: Path) -> Path:
        """An empty home folder."""
        folder = tmp_path / "home"
        folder.mkdir()
        return folder

    def test_classifying_connects_to_nothing_and_writes_nothing(
        self, watched: Callable[[str], Recording], bundle: Path, tmp_path: Path
    ) -> None:
        Image.fromarray(striped("upright")).save(tmp_path / "slice.png")
        seen = watched(
            "import os, pathlib, braintumor.app\n"
            f"os.environ['BRAINTUMOR_APP_MODELS'] = {str(bundle)!r}\n"
            # The shipped gates turn stripes away.
            "os.environ['BRAINTUMOR_APP_ONLY_NAMED'] = 'yes'\n"
            "from streamlit.testing.v1 import AppTest\n"
            "main = pathlib.Path(braintumor.app.__file__).parent / 'main.py'\n"
            "page = AppTest.from_file(main, default_timeout=120).run()\n"
            "data = pathlib.Path('slice.png').read_bytes()\n"
            "page.file_uploader[0].set_value([('slice.png', data, 'image/png')])\n"
            "page.run()\n"
            "assert not page.exception\n"
            "assert any('tiny: Glioma' in one.value for one in page.markdown)\n"
        )
        assert seen.addresses == []
        assert [one for one in seen.written if not is_of_the_software(one)] == []

    def test_the_server_connects_to_nothing_and_listens_to_this_computer_alone(
        self, recorder: Recorder, bundle: Path, home: Path
    ) -> None:
        with served(recorder, bundle, home) as (port, _):
            assert get(port, "/").startswith(b"<!")
            assert listening(port) <= {"0100007F"}
        seen = recorder.read()
        assert seen.events
        assert seen.addresses == []
        assert list(home.rglob("*")) == []

    def test_a_page_of_another_origin_is_refused_and_nobody_is_asked_about_it(
        self, recorder: Recorder, bundle: Path, home: Path
    ) -> None:
        """Streamlit would ask a web service for this computer's address, and hold everybody up."""
        with served(recorder, bundle, home) as (port, _):
            assert shakes_hands(port, f"http://127.0.0.1:{port}")
            assert not shakes_hands(port, "https://somebody.invalid")
        assert recorder.read().addresses == []

    def test_an_upload_of_any_allowed_size_stays_in_memory_while_it_arrives(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from starlette.formparsers import MultiPartParser

        from braintumor.app.memory import MAX_UPLOAD_MB, keep_uploads_in_memory

        monkeypatch.setattr(MultiPartParser, "spool_max_size", 1024 * 1024)
        assert spooled_to_disk(3)  # this is what is switched off
        keep_uploads_in_memory()
        assert not spooled_to_disk(3)
        assert not spooled_to_disk(MAX_UPLOAD_MB)


def spooled_to_disk(megabytes: int) -> bool:
    """Whether the server's form parser puts an upload of this size into a file."""
    import asyncio

    from starlette.datastructures import Headers
    from starlette.formparsers import MultiPartParser

    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'

    async def body() -> Iterator[bytes]:  # type: ignore[misc]
        yield head
        for _ in range(megabytes):
            yield bytes(1024 * 1024)
        yield b"\r\n--x--\r\n"

    async def parse() -> bool:
        headers = Headers({"content-type": "multipart/form-data; boundary=x"})
        form = await MultiPartParser(headers, body()).parse()
        file = form["file"].file
        assert isinstance(file, tempfile.SpooledTemporaryFile)
        rolled = bool(file._rolled)
        file.close()
        return rolled

    return asyncio.run(parse())


def get(port: int, path: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    return connection.getresponse().read()


def shakes_hands(port: int, origin: str) -> bool:
    """Whether the page's server opens its WebSocket for a page of this origin."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    asked = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",  # of RFC 6455, 1.2
        "Origin": origin,
    }
    connection.request("GET", "/_stcore/stream", headers=asked)
    status = connection.getresponse().status
    connection.close()
    return status == 101


def listening(port: int) -> set[str]:
    """Local addresses (hexadecimal, as in /proc/net/tcp) on which somebody listens on a port."""
    table = Path("/proc/net/tcp")
    if not table.exists():
        pytest.skip("SKIPPED: this system does not tell who listens where")
    rows = [line.split() for line in table.read_text().splitlines()[1:]]
    return {
        row[1].split(":")[0] for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")
    }


class served:  # noqa: N801  # reads as a word in a with statement
    """The page's server in a process of its own, watched; yields (port, process)."""

    def __init__(self, recorder: Recorder, bundle: Path, home: Path) -> None:
        self.port = free_port()
        self.process = subprocess.Popen(
            [PYTHON, "-m", "braintumor", "app", "--port", str(self.port), "--model", str(bundle)],
            env=recorder.environment() | {"HOME": str(home)},
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> tuple[int, subprocess.Popen[str]]:
        assert self.process.stdout is not None
        told = self.process.stdout.readline()
        assert f"http://127.0.0.1:{self.port}" in told
        return self.port, self.process

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(timeout=60)
