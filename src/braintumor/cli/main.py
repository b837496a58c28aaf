"""The command `braintumor`: finds the file of the command asked for and runs it.

Each command lives in `cli/NAME.py`, as the click command `command`; only that file is imported,
so that `braintumor --help` and `braintumor predict` start at once. Bad input ends in one sentence
on standard error and exit status 1, wrong usage in 2, never in a traceback. A path that is not
there is bad input, whichever argument or option names it.
"""

from __future__ import annotations

import importlib
import io
import os
import sys

import click

from braintumor import __version__
from braintumor.errors import BraintumorError
from braintumor.terminal import say

# Command -> what `--help` says of it. The order is the order of the story.
COMMANDS = {
    "demo": "The whole story on phantom images, drawn by code, in a few minutes.",
    "data": "Known public data sets: list them, fetch one.",
    "audit": "What is wrong with a data set: copies, leaks, labels, shortcuts, bad files.",
    "train": "Train the cnn or the resnet50 on a folder of images.",
    "evaluate": "Predictions, metrics and a report for a run or a table.",
    "compare": "Two or more models on the same images, side by side.",
    "stress": "Scanner conditions and class mixes: how much holds?",
    "check": "Can the numbers of a predictions table be true?",
    "export": "Turn a run into a bundle: one graph and its card.",
    "predict": "Classify images with a bundle.",
    "app": "Serve the page on this computer; prints its address.",
}


class LazyGroup(click.Group):
    """Lists every command without importing it; imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"braintumor.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="braintumor")
def cli() -> None:
    """Classify brain MRI slices as glioma, meningioma, no tumour or pituitary tumour.

    Research use only; not a medical device.
    """


def run(arguments: list[str] | None = None) -> None:
    """Run the command line and leave the process with its exit status.

    0 success, 1 bad input or a failed check, 2 wrong usage, 130 stopped by Ctrl-C.
    """
    _print_anything()
    try:
        status = cli.main(arguments, prog_name="braintumor", standalone_mode=False)
    except click.exceptions.Exit as stop:
        status = stop.exit_code
    except click.ClickException as error:
        status = _told(error)
    except (KeyboardInterrupt, click.Abort):
        click.echo("Stopped.", err=True)
        status = 130
    except BrokenPipeError:
        # The reader of our output left (`| head`): no complaint, and none at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    except BraintumorError as error:
        say(f"braintumor: {error}", err=True)
        status = 1
    except OSError as error:
        # A full disk, a folder that must not be written: the user's to mend, not ours.
        where = f"{error.filename}: " if error.filename else ""
        say(f"braintumor: {where}{error.strerror or error}", err=True)
        status = 1
    sys.exit(status if isinstance(status, int) else 0)


def _print_anything() -> None:
    """Let no file's name stop the work half-way: letters that a stream lacks become their numbers.

    On Windows output that goes to a file or a pipe is in an old code page of some 200 letters.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # there may be none, or one of an editor's
            stream.reconfigure(errors="backslashreplace")


def _told(error: click.ClickException) -> int:
    """Say what click found wrong with the arguments; the exit status."""
    if (
        isinstance(error, click.BadParameter)
        and not isinstance(error, click.MissingParameter)
        and error.param is not None
        and isinstance(error.param.type, click.Path)
    ):
        # To click a path that is not there is wrong usage, with a page on how it goes.
        where = error.param.get_error_hint(error.ctx)
        say(f"braintumor: {error.message.rstrip('.')}: check {where}", err=True)
        return 1
    error.show()
    return error.exit_code
