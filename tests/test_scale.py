"""docs/scale.md tells what was measured of many images, and the benchmark counts every process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import scale

from braintumor.processor import cores

STREAM = Path(__file__).parents[1] / "benchmarks" / "stream.py"


def run(processes: int | None = None, **setting: Any) -> dict[str, Any]:
    notes = [{"rows": k, "seconds": 1.0, "bytes": k * 2**20} for k in (100, 200)]
    if processes:
        notes = [note | {"processes": processes} for note in notes]
    machine = {
        "processor": "P", "cores": 2, "python": "3", "date": "D", "load_before": [0.1],
        "load_after": [1.9],
    }  # fmt: skip
    return {
        "setting": {"side": 512, "bytes_per_image": 45_000, "model": "cnn"} | setting,
        "machine": machine, "rows": 2000, "seconds": 20.0, "cpu_seconds": 22.0, "notes": notes,
    }  # fmt: skip


def test_a_run_as_a_user_starts_it_is_told_where_somebody_measured_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scale, "FOUND", tmp_path)
    (tmp_path / "rate.json").write_text(json.dumps(run()))
    (tmp_path / "memory.json").write_text(json.dumps(run(model="tiny")))
    text = scale.measured()
    assert "| 2,000 | 512 x 512, 45,000 | cnn | 1 | 20 | 100 | 11.0 | 100 MiB | 200 MiB |" in text
    assert "processes.json" not in text

    (tmp_path / "processes.json").write_text(json.dumps(run(processes=4)))
    text = scale.measured()
    assert "| 2,000 | 512 x 512, 45,000 | cnn | 4 | 20 |" in text
    assert "`processes.json`: P, 2 cores" in text


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="SKIPPED: Linux alone tells")
@pytest.mark.parametrize(("workers", "least"), [(["--workers", "1"], 1), ([], 1 + cores())])
def test_memory_is_that_of_all_processes_added_up(
    tmp_path: Path, workers: list[str], least: int
) -> None:
    out = tmp_path / "found.json"
    sizes = ["--images", "600", "--side", "64", "--model", "tiny", "--out", str(out)]
    subprocess.run([sys.executable, str(STREAM), *sizes, *workers], check=True, timeout=300)
    found = json.loads(out.read_text())
    assert found["rows"] == found["notes"][-1]["rows"] == 600
    last = found["notes"][-1]
    # A process of ours holds some tens of megabytes before it has done anything.
    assert last["bytes"] > last["processes"] * 10 * 2**20
    if workers:
        assert last["processes"] == least
    else:
        assert last["processes"] >= min(least, 9)
