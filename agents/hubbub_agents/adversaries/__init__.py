"""
A catalogue of minds that work against the others, one in each module.

The docstring of each module says what it threatens, what it knows, what it may spend,
what is to be expected of it, and where it is described.
"""

from functools import cache
from importlib import resources

import msgspec

from hubbub.errors import UnknownName
from hubbub.mind import Mind
from hubbub_agents.adversaries.always_defect import AlwaysDefect
from hubbub_agents.adversaries.colluder import Colluder, ColluderOptions
from hubbub_agents.adversaries.committed import Committed, CommittedOptions
from hubbub_agents.adversaries.false_accuser import AccuserOptions, FalseAccuser
from hubbub_agents.adversaries.flooder import Flooder, FlooderOptions
from hubbub_agents.adversaries.free_rider import FreeRider
from hubbub_agents.adversaries.insider import Insider, InsiderOptions
from hubbub_agents.adversaries.mimic import Mimic, MimicOptions
from hubbub_agents.adversaries.persuader import Persuader, PersuaderOptions
from hubbub_agents.adversaries.prompt_infector import InfectorOptions, PromptInfector
from hubbub_agents.adversaries.sybil import Sybil, SybilOptions
from hubbub_agents.adversaries.target_picker import PickerOptions, TargetPicker

#: The rule minds, by the names under which they are registered.
ADVERSARIES: dict[str, type[Mind]] = {
    "free-rider": FreeRider,
    "always-defect": AlwaysDefect,
    "persuader": Persuader,
    "flooder": Flooder,
    "sybil": Sybil,
    "colluder": Colluder,
    "prompt-infector": PromptInfector,
    "mimic": Mimic,
    "insider": Insider,
    "committed": Committed,
    "target-picker": TargetPicker,
    "false-accuser": FalseAccuser,
}
#: What they may be told beside what a believer may.
OPTIONS: tuple[type[msgspec.Struct], ...] = (
    PersuaderOptions,
    FlooderOptions,
    SybilOptions,
    ColluderOptions,
    InfectorOptions,
    MimicOptions,
    InsiderOptions,
    CommittedOptions,
    PickerOptions,
    AccuserOptions,
)
#: Those of which there is a system prompt for the mind ``model`` as well.
PROMPTED = (
    "free-rider",
    "persuader",
    "colluder",
    "prompt-infector",
    "mimic",
    "insider",
    "committed",
    "target-picker",
    "false-accuser",
)


@cache
def prompt(name: str) -> str:
    """The system prompt that makes a model the adversary *name*, or `UnknownName`."""
    if name not in PROMPTED:
        raise UnknownName("adversary's prompt", name, [*PROMPTED])
    file = resources.files("hubbub_agents.adversaries") / "prompts" / f"{name}.txt"
    return file.read_text("utf-8")
