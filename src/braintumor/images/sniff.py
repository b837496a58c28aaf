"""Is it DICOM? Told by the first bytes alone, so that other pictures need not wait for pydicom.

Knows nothing of what is inside.
"""

from __future__ import annotations

import re

_VR = re.compile(rb"AE|AS|AT|CS|DA|DS|DT|FD|FL|IS|LO|LT|OB|OW|PN|SH|SL|SQ|SS|ST|TM|UI|UL|UN|US|UT")


def looks_like_dicom(data: bytes) -> bool:
    """Whether the bytes are DICOM: by the preamble, or by their first data element.

    Files without a preamble (from old software and from networks) start with group 0002 or 0008,
    a small element number, and either a known value representation or a short length.
    """
    if data[128:132] == b"DICM":
        return True
    if len(data) < 64 or data[:2] not in (b"\x02\x00", b"\x08\x00"):
        return False
    element = int.from_bytes(data[2:4], "little")
    if element > 0x0110:
        return False
    if _VR.fullmatch(data[4:6]):
        return True
    length = int.from_bytes(data[4:8], "little")
    next_group = int.from_bytes(data[8 + length : 10 + length], "little")
    return length <= 128 and next_group in (0x0002, 0x0008, 0x0010)
