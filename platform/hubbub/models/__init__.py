"""
Language models: the seam, and a scripted one for tests.

Models by name are opened with `hubbub.models.catalogue.open_models`.
"""

from hubbub.models.base import Call, Model, Prompt, Reply, Request, Sampling, View
from hubbub.models.scripted import ScriptedModel

__all__ = [
    "Call",
    "Model",
    "Prompt",
    "Reply",
    "Request",
    "Sampling",
    "ScriptedModel",
    "View",
]
