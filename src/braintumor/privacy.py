"""Switches off the telemetry of the libraries in use, before they are imported.

Nothing that a user does here leaves the machine; a test records the sockets to prove it. A
library that was imported before braintumor has already done what it does.
"""

from __future__ import annotations

import os
import sys

_SILENT = {
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    "RAY_USAGE_STATS_ENABLED": "0",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
# OpenVINO's and NNCF's reporter, which obeys no variable: it reports unless a file in the user's
# home forbids it. Both do without it where it cannot be imported.
_REPORTER = "openvino_telemetry"


def silence_telemetry() -> None:
    """Set the opt-out variables for this process and its children, and keep reporters out."""
    os.environ.update(_SILENT)
    if _REPORTER not in sys.modules:
        sys.modules[_REPORTER] = None  # type: ignore[assignment]  # makes its import fail
