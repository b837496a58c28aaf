"""Which state of the code a benchmark measured."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def revision(root: Path = ROOT) -> str:
    """The commit, with `+` at its end where a tracked file differs from it; empty where `root` is
    no checkout, or git is not there."""
    commit = (_git(root, "rev-parse", "HEAD") or "").strip()
    if not commit:
        return ""
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    return f"{commit}+" if changed else commit


def _git(root: Path, *words: str) -> str | None:
    """What git says, or None where it fails."""
    try:
        done = subprocess.run(
            ["git", *words], cwd=root, capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
