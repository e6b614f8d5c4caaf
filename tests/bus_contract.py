"""What every bus promises; a test class for each bus inherits it."""

from .bus_hearing import HearingContract
from .bus_hosting import HostingContract
from .bus_posting import PostingContract


class BusContract(PostingContract, HearingContract, HostingContract):
    """A subclass's fixture *bus* is an empty run."""
