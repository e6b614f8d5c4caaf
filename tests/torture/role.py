"""A role of ``hubbub``, with its journal, and perhaps a fault planted in it."""

import os
import sys

from hubbub.cli import main

from .journals import keeping_journal
from .place import read_place
from .planted import plant


def play(role: str) -> None:
    """Be *role* until it ends; the command line is the product's."""
    place = read_place()
    # Around what is planted, as around what is not.
    plant(place.plant)
    with keeping_journal(place.journals / f"{role}-{os.getpid()}"):
        main(sys.argv[1:])


if __name__ == "__main__":
    play(sys.argv[1])
