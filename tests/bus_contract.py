"""What every bus promises; a test class for each bus inherits it."""

from .bus_hearing import HearingContract
from .bus_hosting import HostingContract
from .bus_paying import PayingContract
from .bus_posting import PostingContract


class BusContract(PostingContract, HearingContract, HostingContract, PayingContract):
    """A subclass's fixture *bus* is an empty run."""
