"""The command line as a whole: which commands there are, how they end, and what they say."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import click
import pytest

from braintumor import __version__
from braintumor.cli import main
from braintumor.errors import BraintumorError, MissingExtraError


class Ended(NamedTuple):
    status: int | str | None
    out: str
    err: str


Call = Callable[..., Ended]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs the command line in this process; an exception that gets out fails the test."""

    def run(*arguments: object) -> Ended:
        with pytest.raises(SystemExit) as stop:
            main.run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ended(stop.value.code, captured.out, captured.err)

    return run


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Puts a function in the place of the command `check`."""

    def replace(body: Callable[[], object]) -> None:
        command = click.command("check")(body)
        monkeypatch.setitem(sys.modules, "braintumor.cli.check", SimpleNamespace(command=command))

    return replace


def one_sentence(text: str) -> bool:
    """Whether it is one line from braintumor, not a traceback nor a bare exception."""
    lines = text.strip().splitlines()
    return len(lines) == 1 and lines[0].startswith("braintumor: ") and "Traceback" not in text


# --- which commands there are


def test_every_file_is_a_command_and_every_command_a_file() -> None:
    folder = Path(main.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "main"}
    assert files == set(main.COMMANDS)


def test_help_lists_all_commands_in_the_order_of_the_story(call: Call) -> None:
    ended = call("--help")
    assert ended.status == 0
    places = [ended.out.index(f"\n  {name} ") for name in main.COMMANDS]
    assert places == sorted(places)
    assert "not a medical device" in ended.out


def test_version(call: Call) -> None:
    assert call("--version") == (0, f"braintumor, version {__version__}\n", "")


@pytest.mark.parametrize("name", main.COMMANDS)
def test_every_command_has_help(call: Call, name: str) -> None:
    for flag in ("--help", "-h"):
        ended = call(name, flag)
        assert ended.status == 0
        assert ended.out.startswith(f"Usage: braintumor {name} ")
    description = ended.out.split("\n\n")[1].strip()
    assert len(description) > 20, "a sentence that says what it does"


@pytest.mark.parametrize("name", main.COMMANDS)
def test_every_option_says_what_it_is_for(name: str) -> None:
    command = main.cli.get_command(click.Context(main.cli), name)
    assert command is not None
    options = [one for one in command.params if isinstance(one, click.Option)]
    assert [one.name for one in options if not one.help] == []


def test_only_the_command_asked_for_is_imported() -> None:
    code = (
        "import sys\nfrom braintumor.cli.main import run\n"
        "try:\n    run(['check', '--help'])\nexcept SystemExit:\n    pass\n"
        "print(*(name for name in sys.modules if name.startswith('braintumor.cli.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.splitlines()[-1].split()) == {
        "braintumor.cli.main",
        "braintumor.cli.check",
    }


def test_python_m_braintumor_is_the_same_command() -> None:
    command = [sys.executable, "-m", "braintumor", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"braintumor, version {__version__}\n")


# --- how a command ends


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["--nonsense"],
        *([name, "--no-such-option"] for name in main.COMMANDS),
        *([name] for name in main.COMMANDS if name not in {"app", "demo"}),
        ["data", "fetch", "figshare"],
        ["data", "fetch", "nonsense", "--out", "new"],
        ["train", ".", "--network", "vgg"],
        ["train", ".", "--epochs", "0"],
        ["app", "--port", "http"],
        ["app", "--no-shipped"],
        ["audit", ".", "--fix", "list.txt"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_2_and_says_how_it_goes(call: Call, arguments: list[str]) -> None:
    ended = call(*arguments)
    assert ended.status == 2
    assert "Usage: braintumor" in ended.err
    assert ended.out == ""


def test_success_exits_0(call: Call, install: Callable[..., None]) -> None:
    install(lambda: None)
    assert call("check") == (0, "", "")


def test_a_failed_check_exits_1_without_a_word_more(
    call: Call, install: Callable[..., None]
) -> None:
    def fail() -> None:
        raise click.exceptions.Exit(1)

    install(fail)
    assert call("check") == (1, "", "")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (BraintumorError("x.csv: no such column"), "braintumor: x.csv: no such column\n"),
        (PermissionError(13, "Permission denied", "out"), "braintumor: out: Permission denied\n"),
        (OSError(28, "No space left on device"), "braintumor: No space left on device\n"),
    ],
)
def test_bad_input_is_one_sentence_and_exits_1(
    call: Call, install: Callable[..., None], error: Exception, says: str
) -> None:
    def fail() -> None:
        raise error

    install(fail)
    assert call("check") == (1, "", says)


def test_a_missing_extra_names_the_command_that_installs_it(
    call: Call, install: Callable[..., None]
) -> None:
    def fail() -> None:
        raise MissingExtraError("train", "Training")

    install(fail)
    ended = call("check")
    assert ended.status == 1
    assert "pip install '.[train]'" in ended.err
    assert one_sentence(ended.err)


def test_a_missing_extra_says_the_same_when_it_comes_from_a_worker() -> None:
    error = MissingExtraError("train", "Training")
    arrived = pickle.loads(pickle.dumps(error))
    assert (str(arrived), arrived.extra) == (str(error), "train")


def test_what_a_terminal_has_no_sign_for_does_not_stop_the_work() -> None:
    """As on Windows, where output that is redirected is in an old code page."""
    code = (
        "import click, sys\nfrom types import SimpleNamespace\nfrom braintumor.cli import main\n"
        "def say():\n    click.echo('é скан \\ufffd')\n    click.echo('снимок', err=True)\n"
        "    click.echo('on it goes')\n"
        "command = SimpleNamespace(command=click.command('check')(say))\n"
        "sys.modules['braintumor.cli.check'] = command\n"
        "main.run(['check'])\n"
    )
    env = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=env, check=False)
    said = done.stdout.decode("cp1252").splitlines()
    assert (done.returncode, said) == (0, [r"é \u0441\u043a\u0430\u043d \ufffd", "on it goes"])
    assert done.stderr.decode("cp1252").strip() == r"\u0441\u043d\u0438\u043c\u043e\u043a"


@pytest.mark.parametrize("stop", [KeyboardInterrupt, click.Abort])
def test_ctrl_c_exits_130(
    call: Call, install: Callable[..., None], stop: type[BaseException]
) -> None:
    def fail() -> None:
        raise stop

    install(fail)
    ended = call("check")
    assert (ended.status, ended.err.strip()) == (130, "Stopped.")


def test_an_error_of_ours_is_not_hidden(install: Callable[..., None]) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    install(fail)
    with pytest.raises(ZeroDivisionError):
        main.run(["check"])


@pytest.mark.skipif(os.name != "posix", reason="pipes as on Unix")
def test_a_reader_that_leaves_early_gets_no_complaint() -> None:
    code = (
        "import sys, click\nfrom types import SimpleNamespace\n"
        "from braintumor.cli.main import run\n"
        "body = click.command('check')(lambda: [click.echo('x' * 1000) for _ in range(1000)])\n"
        "sys.modules['braintumor.cli.check'] = SimpleNamespace(command=body)\nrun(['check'])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 1


# --- bad input to each command


@pytest.fixture
def bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with an empty folder, an empty file, one of rubbish, and a fair table."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "folds" / "fold-0").mkdir(parents=True)
    (tmp_path / "rubbish.csv").write_bytes(bytes(range(256)) * 4)
    (tmp_path / "void.csv").touch()
    (tmp_path / "words.csv").write_text("a,b\n1,2\n")
    header = "path,label,p_glioma,p_meningioma,p_no_tumor,p_pituitary\n"
    (tmp_path / "table.csv").write_text(f"{header}a.png,glioma,0.7,0.1,0.1,0.1\n")
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ["audit", "empty"],
        ["audit", "words.csv"],
        ["train", "empty"],
        ["evaluate", "empty"],
        ["evaluate", "rubbish.csv"],
        ["evaluate", "void.csv"],
        ["evaluate", "words.csv"],
        ["compare", "words.csv", "words.csv"],
        ["compare", "empty", "empty"],
        ["check", "empty"],
        ["check", "rubbish.csv"],
        ["check", "void.csv"],
        ["check", "words.csv"],
        ["check", "nowhere.csv"],
        ["export", "empty", "--out", "bundle"],
        ["predict", "empty"],
        ["predict", "words.csv", "--model", "empty"],
        ["predict", "words.csv", "--model", "nowhere"],
        ["app", "--model", "empty"],
        ["evaluate", "folds", "--data", "empty"],
    ],
    ids=" ".join,
)
def test_input_that_makes_no_sense_is_one_sentence(
    call: Call, bad: Path, arguments: list[str]
) -> None:
    ended = call(*arguments)
    assert ended.status == 1
    assert one_sentence(ended.err), ended.err
    assert ended.out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["audit", "nowhere"],
        ["audit", "words.csv", "--patients", "nowhere"],
        ["audit", "words.csv", "--run", "nowhere"],
        ["train", "nowhere"],
        *(
            ["train", "empty", option, "nowhere"]
            for option in ("--recipe", "--patients", "--extra", "--masks", "--start", "--weights")
        ),
        ["evaluate", "nowhere"],
        ["evaluate", "empty", "--masks", "nowhere"],
        ["evaluate", "words.csv", "--patients", "nowhere"],
        ["compare", "nowhere", "words.csv"],
        ["stress", "nowhere", "empty"],
        ["stress", "cnn", "nowhere"],
        ["check", "nowhere"],
        ["check", "table.csv", "--metrics", "nowhere"],
        ["check", "table.csv", "--catalog", "nowhere"],
        ["export", "nowhere", "--out", "bundle"],
        *(
            ["export", "empty", "--out", "bundle", option, "nowhere"]
            for option in (
                "--calibration", "--evidence", "--data", "--gate", "--gate-beside",
                "--gate-foreign", "--predictions",
            )
        ),
        ["app", "--model", "nowhere"],
        ["data", "fetch", "labeled-mri", "--out", "new", "--yes", "--from", "nowhere"],
        ["data", "fetch", "figshare", "--out", "new", "--yes", "--same-as", "nowhere"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_path_that_is_not_there_is_bad_input_whoever_names_it(
    call: Call, bad: Path, arguments: list[str]
) -> None:
    ended = call(*arguments)
    assert ended.status == 1
    assert one_sentence(ended.err), ended.err
    assert "nowhere" in ended.err
    assert ended.out == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["audit", "empty", "--patients", "empty"], "File 'empty' is a directory: check '--pati"),
        (["train", "empty", "--masks", "void.csv"], "Directory 'void.csv' is a file: check '--ma"),
        (["compare", "empty", "empty", "--out", "void.csv"], "'void.csv' is a file: check '--out"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_so_is_a_folder_for_a_file_and_a_file_for_a_folder(
    call: Call, bad: Path, arguments: list[str], says: str
) -> None:
    ended = call(*arguments)
    assert ended.status == 1
    assert one_sentence(ended.err)
    assert says in ended.err


def test_a_path_that_is_not_given_at_all_is_wrong_usage(call: Call, bad: Path) -> None:
    ended = call("export", "empty")
    assert ended.status == 2
    assert "Missing option '--out'" in ended.err


def test_what_a_terminal_would_obey_is_shown_and_not_obeyed(call: Call, tmp_path: Path) -> None:
    """A stranger's folder names itself by an escape sequence, which would change the title."""
    (tmp_path / "incoming" / "\x1b]0;owned\x07x" / "glioma").mkdir(parents=True)
    status, _, said = call("audit", tmp_path / "incoming")
    assert status == 1
    assert "owned" in said
    assert one_sentence(said)
    assert not {"\x1b", "\x07"} & set(said)


def test_what_a_strangers_table_says_of_a_row_is_shown_and_not_obeyed(
    call: Call, tmp_path: Path
) -> None:
    table = tmp_path / "theirs.csv"
    table.write_text(
        "path,label,p_glioma,p_meningioma,p_no_tumor,p_pituitary\n"
        "\x1b[2Jx.png,unheard,1,0,0,0\n" + "y.png,glioma,1,0,0,0\n" * 3
    )
    for command in ("check", "evaluate"):
        _, out, said = call(command, table)
        assert "[2Jx.png" in out + said
        assert "\x1b[2J" not in out + said
