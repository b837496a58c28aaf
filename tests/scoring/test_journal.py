"""The journal of a table: what it takes, and what it says where it cannot."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

from braintumor.scoring.journal import Digest

NAMES = ["scans/ä скан.png", "\ufffd", "\udc80", "\ud800"]


def test_the_digest_is_over_the_names_in_utf_8() -> None:
    """So that a table begun with an earlier version can be gone on with."""
    digest = Digest()
    for name in ("scans/a.png", NAMES[0]):
        digest.add(name)
    assert digest.hex() == hashlib.sha256(f"scans/a.png\0{NAMES[0]}\0".encode()).hexdigest()


def test_the_digest_takes_any_name_whatever_the_system_is_set_to() -> None:
    code = (
        "from braintumor.scoring.journal import Digest\n"
        f"for name in {NAMES!a}:\n"
        "    digest = Digest()\n    digest.add(name)\n    print(digest.hex())"
    )
    old = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    told = [
        subprocess.run(
            [sys.executable, "-c", code], env=os.environ | more, capture_output=True, check=True
        ).stdout.split()
        for more in (old, {"PYTHONUTF8": "1"})
    ]
    assert told[0] == told[1]
    assert len(set(told[0])) == len(NAMES)
