"""Memories: what of its past a model is shown, by a policy of the population."""

from hubbub.mind import Part
from hubbub.policies import Notes, Summary, Window
from hubbub_agents.memory.base import Memory, Recalled
from hubbub_agents.memory.notes import NotesMemory
from hubbub_agents.memory.recent import FullMemory, WindowMemory
from hubbub_agents.memory.summary import SummaryMemory

__all__ = ["Memory", "Recalled", "open_memory"]


def open_memory(part: Part) -> Memory:
    """A new memory for *part*, by its policy."""
    match part.memory:
        case Window() as policy:
            return WindowMemory(part, policy)
        case Summary() as policy:
            return SummaryMemory(part, policy)
        case Notes() as policy:
            return NotesMemory(part, policy)
        case _:
            return FullMemory(part)
