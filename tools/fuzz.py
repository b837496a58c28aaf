"""Feeds the decoders with damaged files: no crash, no hang, bounded memory, no foreign error.

    python tools/fuzz.py --seconds 600 [--seed 0] [--keep FOLDER]

Every input is a small made file of some format with a few bytes changed, cut, doubled or swapped
with those of another. What it looks for: an exception that is no ImageError, a file that takes
longer than ten seconds, and memory beyond 2 GiB. The input at hand lies in FOLDER as `last.bin`
while it is decoded, so that a crash of the whole process leaves it behind; what failed is kept
there under its hash. `tests/images/test_fuzzed.py` holds what was found so far.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from made_files import made_files

from braintumor.files import sha256_bytes
from braintumor.images import codecs
from braintumor.images.decode import ImageError, Limits
from braintumor.images.read import read_slices

# Small enough that an honest file takes milliseconds: what takes long is a find.
LIMITS = Limits(max_pixels=4_000_000, max_frames=64, max_volume_bytes=2**26, max_seconds=5.0)
SLOW_S = 10.0
MEMORY = 2 * 2**30
_INTERESTING = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def damaged(data: bytes, other: bytes, dice: random.Random) -> bytes:
    """The file with one to four things done to it."""
    out = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 4))):
        if not out:
            break
        at = dice.randrange(len(out))
        # Headers are where the damage is.
        at = at if dice.random() < 0.4 else at % min(len(out), 600)
        what = dice.randrange(6)
        if what == 0:
            out[at] = dice.randrange(256)
        elif what == 1:
            out[at] ^= 1 << dice.randrange(8)
        elif what == 2:
            size = dice.choice((1, 2, 4))
            value = dice.choice(_INTERESTING) & (256**size - 1)
            out[at : at + size] = value.to_bytes(size, dice.choice(("little", "big")))
        elif what == 3:
            del out[at : at + dice.choice((1, 4, 16, len(out)))]
        elif what == 4:
            out[at:at] = out[at : at + dice.choice((1, 4, 64, 512))]
        else:
            start = dice.randrange(len(other))
            out[at : at + 32] = other[start : start + dice.choice((2, 8, 32, 128))]
    return bytes(out)


def outcome(data: bytes) -> str:
    """Decode and count: how many slices and errors came of it."""
    slices = errors = 0
    for one in read_slices(data, name="fuzzed", limits=LIMITS):
        if isinstance(one, ImageError):
            errors += 1
            assert str(one).startswith("fuzzed"), one
        else:
            slices += 1
            assert one.pixels.ndim == 2
            assert one.pixels.shape == one.size
            assert one.pixels.dtype.name in ("uint8", "uint16", "float32"), one.pixels.dtype
    return "read" if not errors else "refused" if not slices else "both"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "fuzz")
    asked = parser.parse_args()
    asked.keep.mkdir(parents=True, exist_ok=True)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY * 2, MEMORY * 2))
    dice = random.Random(asked.seed)
    files = made_files()
    started_children = 0
    start = codecs._Child.__init__

    def counted(child: codecs._Child) -> None:
        nonlocal started_children
        started_children += 1
        start(child)

    codecs._Child.__init__ = counted  # type: ignore[method-assign]
    counts: Counter[str] = Counter()
    finds: Counter[str] = Counter()
    slowest = 0.0
    end = time.monotonic() + asked.seconds
    while time.monotonic() < end:
        name = dice.choice(sorted(files))
        data = damaged(files[name], files[dice.choice(sorted(files))], dice)
        (asked.keep / "last.bin").write_bytes(data)
        started = time.process_time()
        try:
            what = outcome(data)
        except Exception:
            what = "FOREIGN ERROR"
            finds[traceback.format_exc().splitlines()[-1][:100]] += 1
            (asked.keep / f"{name}-{sha256_bytes(data)[:8]}.bin").write_bytes(data)
        took = time.process_time() - started
        slowest = max(slowest, took)
        if took > SLOW_S:
            what = "SLOW"
            (asked.keep / f"slow-{name}-{sha256_bytes(data)[:8]}.bin").write_bytes(data)
        counts[f"{name}: {what}"] += 1
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for line, count in sorted(counts.items()):
        print(f"{count:8d}  {line}")
    for line, count in finds.most_common():
        print(f"{count:8d}  FIND  {line}")
    print(f"{sum(counts.values())} files, slowest {slowest:.2f} s of CPU, {most:.0f} MiB at most")
    print(f"{started_children} decoding processes were started: all but the first after a death")
    bad = finds or any("SLOW" in line for line in counts) or most > MEMORY / 2**20
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
