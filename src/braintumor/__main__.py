"""`python -m braintumor` is the command `braintumor`."""

from braintumor.cli.main import run

run()
