"""Every part of a document that is made from committed files, by one command.

    python tools/documents.py           which parts are not what the committed files give
    python tools/documents.py --write   put them right

To be run after anything under results/ was published. A test holds every part to its files, so
that no number of a part is typed by hand, but for those in the words of an experiment
(`experiment.toml`): some of them were looked at, and what they were counted from was not kept.
"""

from __future__ import annotations

import argparse
import sys

import afterwards
import comparison
import data_page
import embeddings
import experiments
import gate
import healthy
import intervals
import model_card
import newcomers
import performance
import pointing
import scale
import stress
from marks import Part

import results

PARTS: tuple[Part, ...] = (
    *newcomers.PARTS,
    *results.PARTS,
    *intervals.PARTS,
    *pointing.PARTS,
    *stress.PARTS,
    *data_page.PARTS,
    *embeddings.PARTS,
    *comparison.PARTS,
    *healthy.PARTS,
    *experiments.PARTS,
    *afterwards.PARTS,
    *scale.PARTS,
    *performance.PARTS,
    *gate.PARTS,
    *model_card.PARTS,
)


def main() -> int:
    """Read the command line and do it; 1 where a part was found stale and not written."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the parts that are stale")
    write = parser.parse_args().write
    stale = [part for part in PARTS if part.quoted() != part.content().strip()]
    for part in stale:
        print(f"{part.document}, {part.mark}: {'written' if write else 'stale'}")
        if write:
            part.write()
    return 1 if stale and not write else 0


if __name__ == "__main__":
    sys.exit(main())
