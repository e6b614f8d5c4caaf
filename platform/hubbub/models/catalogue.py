"""
Models by name, ``provider/model``, and the environment variables that say where.

A provider's server is at ``<PROVIDER>_BASE_URL``, for those below without it too; its
key is in the file ``<PROVIDER>_API_KEY_FILE``, else in ``<PROVIDER>_API_KEY``; what
the account may do is in ``<PROVIDER>_RPM``, ``_TPM`` and ``_CONCURRENCY``.
"""

import random
import re
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext

import anyio
import msgspec

from hubbub.errors import ModelError, UnknownName, UsageError
from hubbub.models import scripted
from hubbub.models.anthropic import AnthropicModel
from hubbub.models.base import Model
from hubbub.models.cache import CachedModel, NoModel, open_replies
from hubbub.models.keys import read_key
from hubbub.models.limits import Limits, read_limits
from hubbub.models.local import WEIGHTS, check_local, open_local
from hubbub.models.openai import OpenAIModel
from hubbub.models.pressure import Pressure
from hubbub.models.scripted import ScriptedModel
from hubbub.models.shelf import Opening
from hubbub.terms import CacheMode
from hubbub.text import safe_text

#: Servers that are found without a base URL in the environment.
SERVERS = {
    "anthropic": "https://api.anthropic.com",
    "llamacpp": "http://localhost:8080/v1",
    "lmstudio": "http://localhost:1234/v1",
    "ollama": "http://localhost:11434/v1",
    "openai": "https://api.openai.com/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "vllm": "http://localhost:8000/v1",
}
#: Those among them that answer nobody without a key.
KEYED = frozenset({"anthropic", "openai", "openrouter"})
#: The base URL of a local model's server that somebody else has started for us.
LOCAL_URL = "HUBBUB_LOCAL_URL"

_SCRIPTS = {"echo": scripted.echo, "legal": scripted.legal}
_NAME = re.compile(r"([a-z][a-z0-9-]*)/(\S+)")
_BASE_URL = re.compile(r"([A-Z][A-Z0-9_]*)_BASE_URL")


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider offers, or in *error* why it offers nothing."""

    provider: str
    models: tuple[str, ...] = ()
    error: str = ""


@asynccontextmanager
async def open_models(
    names: Iterable[str],
    environment: Mapping[str, str],
    cache: CacheMode = "off",
    *,
    replicate: int = 0,
) -> AsyncGenerator[Mapping[str, Model]]:
    """
    The models of *names*, each under its name; closed on exit.

    Models of one provider share a client.  A local model's server is started unless
    ``HUBBUB_LOCAL_URL`` says where one is; what it serves is then its own affair.
    With *cache* ``use`` they answer from the reply cache what it has of this
    *replicate*; with ``only`` nobody else is asked, so that nothing is started and no
    key is needed.

    Raises `UnknownName` for a provider, local model or script that there is not,
    `UsageError` for what is no name, for a missing key, package or file (with the
    mend), for a limit that is no number and for a cache that cannot be written to, and `ServerFailed`.
    """
    replies = None if cache == "off" else open_replies(environment)
    opened: dict[str, Model] = {}
    models: dict[str, Model] = {}
    async with AsyncExitStack() as stack:
        # The one that starts a process comes last: the others fail sooner.
        for name in sorted(set(names), key=lambda name: (name[:6] == "local/", name)):
            provider, model = split_name(name)
            place = name if provider in ("local", "scripted") else provider
            if place not in opened:
                opening = (
                    nullcontext(NoModel())
                    if cache == "only"
                    else _open(provider, model, environment)
                )
                opened[place] = await stack.enter_async_context(opening)
            inner = opened[place]
            models[name] = (
                CachedModel(inner, replies, replicate=replicate) if replies else inner
            )
        yield models


def opening(
    environment: Mapping[str, str], cache: CacheMode = "off", *, replicate: int = 0
) -> Opening:
    """What opens one more model as `open_models` does."""
    return lambda name: open_models([name], environment, cache, replicate=replicate)


async def probe(
    environment: Mapping[str, str], *, deadline: float = 2.0
) -> list[Probe]:
    """
    Ask every known provider for its models, all at once, for *deadline* seconds.

    Starts nothing: a local model is offered when it could be.  Raises nothing: what is
    wrong with a provider is in its `Probe`.
    """
    providers = _providers(environment)
    found: dict[str, Probe] = {}

    async def ask(provider: str) -> None:
        try:
            models = await _offers(provider, environment, deadline)
            found[provider] = Probe(provider=provider, models=models)
        except (UsageError, ModelError) as error:
            found[provider] = Probe(provider=provider, error=str(error))

    async with anyio.create_task_group() as group:
        for provider in providers:
            group.start_soon(ask, provider)
    return [found[provider] for provider in providers]


@asynccontextmanager
async def _open(
    provider: str, model: str, environment: Mapping[str, str]
) -> AsyncGenerator[Model]:
    async with AsyncExitStack() as stack:
        if provider == "scripted":
            if model not in _SCRIPTS:
                raise UnknownName("script", model, sorted(_SCRIPTS))
            client: Model = ScriptedModel(_SCRIPTS[model])
        elif provider == "local" and not environment.get(LOCAL_URL):
            serving = open_local(model, environment)
            limits = read_limits("LOCAL", environment)
            url = await stack.enter_async_context(serving)
            client = _client(provider, url, "", limits)
        else:
            client = _client(provider, *find_server(provider, environment))
        stack.push_async_callback(client.aclose)
        yield client


async def _offers(
    provider: str, environment: Mapping[str, str], deadline: float
) -> tuple[str, ...]:
    if provider == "scripted":
        return tuple(sorted(_SCRIPTS))
    if provider == "local" and not environment.get(LOCAL_URL):
        for name in WEIGHTS:
            check_local(name, environment)
        return tuple(sorted(WEIGHTS))
    client = _client(provider, *find_server(provider, environment))
    try:
        return await client.names(deadline=deadline)
    finally:
        await client.aclose()


def _client(
    provider: str, url: str, key: str, limits: Limits
) -> OpenAIModel | AnthropicModel:
    kind = AnthropicModel if provider == "anthropic" else OpenAIModel
    # Not from the run's seed: processes that are sent away together must not return so.
    rng = random.Random()
    return kind(url, api_key=key, rng=rng, pressure=Pressure(limits))


def split_name(name: str) -> tuple[str, str]:
    """The provider and the model in *name*; `UsageError` for what is no name."""
    if not (found := _NAME.fullmatch(name)):
        raise UsageError(
            f"{safe_text(name, 60)!r} names no model: a name is provider/model, "
            "like openai/gpt-5 or local/smollm2-135m"
        )
    return found[1], found[2]


def find_server(
    provider: str, environment: Mapping[str, str]
) -> tuple[str, str, Limits]:
    """
    The base URL of *provider*, its key, which may be empty, and its limits.

    Raises `UnknownName`, and `UsageError` for a key that is missing or cannot be read
    and for a limit that is no number.
    """
    prefix = provider.upper().replace("-", "_")
    limits = read_limits(prefix, environment)
    if provider == "local":
        return environment[LOCAL_URL], "", limits
    own = environment.get(f"{prefix}_BASE_URL", "")
    if not own and provider not in SERVERS:
        mend = (
            f"a server of your own has its address in {safe_text(prefix, 60)}_BASE_URL"
        )
        raise UnknownName("model provider", provider, _providers(environment), mend)
    key = read_key(prefix, environment)
    if not own and not key and provider in KEYED:
        raise UsageError(
            f"{provider} needs a key: set {prefix}_API_KEY, or {prefix}_API_KEY_FILE "
            "to a file with it (without a key: local/smollm2-135m)"
        )
    return own or SERVERS[provider], key, limits


def _providers(environment: Mapping[str, str]) -> list[str]:
    found = map(_BASE_URL.fullmatch, environment)
    named = {match[1].lower().replace("_", "-") for match in found if match}
    return sorted({*SERVERS, "local", "scripted"} | named)
