"""What carries messages: the contract, the bus in memory, the bus on Redis or Valkey."""

from hubbub.bus.base import Bus, Claim, Receipt, Role, Subscription, Voice
from hubbub.bus.memory import MemoryBus
from hubbub.bus.redis import RedisBus, open_bus

__all__ = [
    "Bus",
    "Claim",
    "MemoryBus",
    "Receipt",
    "RedisBus",
    "Role",
    "Subscription",
    "Voice",
    "open_bus",
]
