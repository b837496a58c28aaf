"""Lines for the terminal that hold words of a stranger's file: names of folders, cells of a table.

A file may come from anywhere, and control characters in its name or in its cells would be obeyed
by the terminal: they move the cursor, change its title, or write other lines over ours.
"""

from __future__ import annotations

import unicodedata

import click

# Controls, and invisible marks, among them those that turn the direction of writing.
_OBEYED = ("Cc", "Cf")


def say(text: str, *, err: bool = False) -> None:
    """Print text, with what a terminal would obey made visible; it may have several lines."""
    click.echo("\n".join(map(plain, text.split("\n"))), err=err)


def plain(line: str) -> str:
    """One line without control characters: each is a replacement character.

    For sentences of ours, which hold no-break spaces; `images.decode.printable` is for names.
    """
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in _OBEYED else c for c in line
    )
