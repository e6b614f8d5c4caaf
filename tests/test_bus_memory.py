"""The bus in memory keeps the contract."""

import pytest

from hubbub.bus import Bus, MemoryBus

from .bus_contract import BusContract


class TestMemoryBus(BusContract):
    """The contract, in one process."""

    @pytest.fixture
    async def bus(self) -> Bus:
        """An empty run."""
        return MemoryBus()
