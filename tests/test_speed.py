"""What benchmarks/speed.py makes of its rounds, and which state of the code it says it measured."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import revision
import speed


def rounds(ours: float, ensemble: float, peer: float) -> dict[str, list[float]]:
    return {"ours": [ours] * 3, "ensemble": [ensemble] * 3, "peer": [peer] * 3}


def test_first_and_later_starts_and_memory_have_their_aims(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = speed.cold_rows(
        rounds(1.25, 1.75, 10.0), rounds(0.5, 1.0, 10.0), rounds(100.0, 250.0, 700.0)
    )

    found = {one["key"]: (one["ratio"], one["goal"], one["most"]) for one in rows}
    assert found == {
        "first cnn": (8.0, 5.0, 1.5),
        "first ensemble": (pytest.approx(10 / 1.75), 5.0, 1.5),
        "cold cnn": (20.0, 5.0, None),
        "cold ensemble": (10.0, 5.0, None),
        "memory cnn": (7.0, 3.0, None),
        "memory ensemble": (2.8, 3.0, None),
    }
    told = {text.partition("  ")[0]: text for text in capsys.readouterr().out.splitlines()}
    assert "(aim 5; 1.5 s)" in told["`braintumor predict one.jpg --model cnn`, first start"]
    assert "(aim 5; 1.5 s, missed)" in told["`braintumor predict one.jpg`, first start"]
    assert "(aim 5)" in told["`braintumor predict one.jpg`, later start"]
    assert "(aim 3, missed)" in told["memory of `braintumor predict one.jpg`"]


def test_each_first_start_has_an_empty_cache_and_later_ones_share_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    caches: list[tuple[str, Path, bool]] = []

    def started(command: list[str], cache: Path) -> tuple[float, float]:
        whose = "peer" if "speed_peer_cold.py" in " ".join(command) else command[-1]
        caches.append((whose, cache, cache.exists()))
        cache.mkdir(exist_ok=True)
        return 1.0, 100.0

    (tmp_path / "slices").mkdir()
    (tmp_path / "slices" / "one.jpg").touch()
    monkeypatch.setattr(speed, "whole_process", started)
    monkeypatch.setattr(speed.subprocess, "run", lambda *_, **__: None)
    speed.cold(tmp_path / "slices", 2)

    fresh = [cache for _, cache, there in caches if not there]
    kept = {cache for _, cache, there in caches if there}
    assert len(kept) == 1
    assert len(fresh) == 1 + 2 * 3, "the shared one, and one a round for each of ours"
    # Of each round: a first and a later start of each of ours, and one of the peer.
    assert len(caches) == 3 * 5


def test_a_process_keeps_its_graphs_where_it_is_told(tmp_path: Path) -> None:
    code = "import os, pathlib; pathlib.Path(os.environ['BRAINTUMOR_CACHE']).mkdir()"
    seconds, memory = speed.whole_process([sys.executable, "-c", code], tmp_path / "here")

    assert (tmp_path / "here").is_dir()
    assert 0 < seconds < 60
    assert memory > 1
    with pytest.raises(RuntimeError, match="wrong"):
        speed.whole_process([sys.executable, "-c", "raise SystemExit('wrong')"], tmp_path)


@pytest.mark.skipif(shutil.which("git") is None, reason="SKIPPED FOR WANT OF git")
def test_the_state_of_the_code_is_its_commit_and_whether_it_was_changed(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        done = subprocess.run(
            ["git", *who, *words], cwd=tmp_path, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "-q")
    assert revision.revision(tmp_path) == "", "nothing is committed yet"
    (tmp_path / "code.py").write_text("1")
    git("add", ".")
    git("commit", "-qm", "first")
    commit = git("rev-parse", "HEAD")
    (tmp_path / "beside").touch()
    assert revision.revision(tmp_path) == commit
    (tmp_path / "code.py").write_text("2")
    assert revision.revision(tmp_path) == f"{commit}+"
