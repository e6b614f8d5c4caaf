"""The command line: a thin shell over the package."""

from hubbub.cli.main import main

__all__ = ["main"]
