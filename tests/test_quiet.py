"""What TensorFlow says while it is loaded is kept off the terminal, and nothing else is."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

# As TensorFlow does: past Python, to whatever stands behind standard error.
NOTE = "import os, sys\nfrom braintumor.quiet import tensorflow_silent as silent\n"
NOTE += "def note(): os.write(2, b'note\\n')\n"


def run(code: str, level: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python anew, with this level of TensorFlow's notes set by the user, or with none."""
    environment = {
        k: v for k, v in os.environ.items() if not k.endswith(("_LOG_LEVEL", "_TF_LEVEL"))
    }
    environment |= {"TF_CPP_MIN_LOG_LEVEL": level} if level is not None else {}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )


def test_notes_are_silent_and_what_is_said_before_and_after_is_not() -> None:
    code = "sys.stderr.write('before ')\nwith silent():\n    note()\nsys.stderr.write('after')"
    assert run(NOTE + code).stderr == "before after"


def test_what_is_loaded_later_and_elsewhere_is_told_to_be_silent_too() -> None:
    code = "with silent():\n    pass\nprint(os.environ['TF_CPP_MIN_LOG_LEVEL'])"
    assert run(NOTE + code).stdout == "3\n"


def test_a_child_that_inherits_our_level_is_silent_as_well() -> None:
    """The user has set nothing: the level came from here."""
    child = f"{NOTE}with silent(): note()\nprint('loaded')"
    code = (
        f"import subprocess\nwith silent(): pass\nsubprocess.run([sys.executable, '-c', {child!r}])"
    )
    done = run(NOTE + code)
    assert (done.stdout, done.stderr) == ("loaded\n", "")


@pytest.mark.parametrize("level", ["0", "2"])
def test_who_sets_the_level_gets_the_notes_and_keeps_the_level(level: str) -> None:
    code = "with silent():\n    note()\nprint(os.environ['TF_CPP_MIN_LOG_LEVEL'])"
    done = run(NOTE + code, level)
    assert (done.stdout, done.stderr) == (f"{level}\n", "note\n")


def test_an_error_passes_and_is_heard() -> None:
    done = run(NOTE + "with silent():\n    note()\n    raise ImportError('no such library')")
    assert done.returncode == 1
    assert done.stderr.endswith("ImportError: no such library\n")
    assert "note\n" not in done.stderr


def test_without_a_standard_error_all_goes_on() -> None:
    code = "os.close(2)\nsys.stderr = None\nwith silent():\n    print('loaded')"
    done = run(NOTE + code)
    assert (done.returncode, done.stdout) == (0, "loaded\n")


def test_keras_is_loaded_without_a_word() -> None:
    pytest.importorskip("tensorflow")
    code = "from braintumor.errors import require\nrequire('keras', extra='train', what='This')\n"
    code += "import sys; print('tensorflow' in sys.modules)"
    done = run(f"import os; os.environ['KERAS_BACKEND'] = 'tensorflow'\n{code}")
    assert (done.stdout, done.stderr) == ("True\n", "")
