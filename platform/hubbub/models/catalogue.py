"""
Models by name, ``provider/model``, and the environment variables that say where.

A provider's server is at ``<PROVIDER>_BASE_URL``, for those below without it too; its
key is in the file ``<PROVIDER>_API_KEY_FILE``, else in ``<PROVIDER>_API_KEY``.
"""

import random
import re
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio
import msgspec

from hubbub.errors import ModelError, UnknownName, UsageError
from hubbub.models import scripted
from hubbub.models.base import Model
from hubbub.models.local import WEIGHTS, check_local, open_local
from hubbub.models.openai import OpenAIModel
from hubbub.text import safe_text

#: Servers that are found without a base URL in the environment.
SERVERS = {
    "llamacpp": "http://localhost:8080/v1",
    "lmstudio": "http://localhost:1234/v1",
    "ollama": "http://localhost:11434/v1",
    "openai": "https://api.openai.com/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "vllm": "http://localhost:8000/v1",
}
#: Those among them that answer nobody without a key.
KEYED = frozenset({"openai", "openrouter"})
#: The base URL of a local model's server that somebody else has started for us.
LOCAL_URL = "HUBBUB_LOCAL_URL"
#: Seconds that a provider has to list its models.
PROBE = 2.0

_SCRIPTS = {"echo": scripted.echo, "legal": scripted.legal}
_NAME = re.compile(r"([a-z][a-z0-9-]*)/(\S+)")


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider offers, or in *error* why it offers nothing."""

    provider: str
    models: tuple[str, ...] = ()
    error: str = ""


@asynccontextmanager
async def open_models(
    names: Iterable[str], environment: Mapping[str, str]
) -> AsyncGenerator[Mapping[str, Model]]:
    """
    Open each of *names*; one client for each provider, closed on exit.

    Raises `UnknownName` for a provider or local model that there is not, `UsageError`
    for what is no name, a missing key or missing weights, and `ServerFailed`.
    """
    wanted = sorted(set(names))
    providers = {_split(name, environment)[0] for name in wanted} - {"scripted"}
    async with AsyncExitStack() as stack:
        clients: dict[str, Model] = {}
        for provider in sorted(providers - {"local"}):
            clients[provider] = _client(provider, environment)
            stack.push_async_callback(clients[provider].aclose)
