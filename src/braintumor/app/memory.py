"""Keeps what is uploaded in memory.

Streamlit holds uploads in memory, but the server beneath it writes any upload over a megabyte to
a temporary file while it arrives. A slice can be a patient's, so this is switched off.
"""

from __future__ import annotations

# A picture has at most 64 (`images.decode.Limits`), a volume or an archive may have more.
MAX_UPLOAD_MB = 256


def keep_uploads_in_memory() -> None:
    """Raise the size at which an arriving upload goes to disk above the largest that is allowed.

    Streamlit refuses larger ones before they are read, so memory stays bounded.
    """
    try:
        from starlette.formparsers import MultiPartParser
    except ImportError:
        return  # a Streamlit on another server (Tornado), which never writes uploads
    # Room for the form around the file.
    MultiPartParser.spool_max_size = (MAX_UPLOAD_MB + 1) * 1024 * 1024
