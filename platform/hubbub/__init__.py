"""Collectives of language-model agents that talk at once, with every message kept."""

from hubbub.bus import MemoryBus
from hubbub.data import Run, open_run
from hubbub.errors import HubbubError
from hubbub.messages import Message
from hubbub.mind import Ask, Mind, Part, Question, Unparsed
from hubbub.phases import Collected
from hubbub.population import Group, Population
from hubbub.questions import Speech, Turn
from hubbub.scenario import Scenario, scenario
from hubbub.stage import Stage

__all__ = [
    "Ask",
    "Collected",
    "Group",
    "HubbubError",
    "MemoryBus",
    "Message",
    "Mind",
    "Part",
    "Population",
    "Question",
    "Run",
    "Scenario",
    "Speech",
    "Stage",
    "Turn",
    "Unparsed",
    "open_run",
    "scenario",
]
