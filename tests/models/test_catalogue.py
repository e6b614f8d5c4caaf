"""Models by name: which server, which key, and what is said when there is none."""

from asyncio import StreamWriter
from pathlib import Path

import anyio
import httpx
import pytest

from hubbub.errors import ModelError, UnknownName, UsageError
from hubbub.models.catalogue import SERVERS, open_models, probe

from .contract import say
from .fake import CANARY, Deed, completion, headers_of, listening


def answer(response: httpx.Response) -> Deed:
    """Send *response* and hang up."""

    async def send(writer: StreamWriter) -> None:
        head = f"HTTP/1.1 {response.status_code} As Told\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + response.content)
        await writer.drain()

    return send


LISTING = answer(httpx.Response(200, json={"data": [{"id": "a"}, {"id": "b"}]}))


async def test_a_provider_is_found_by_its_base_url() -> None:
    """Any `<NAME>_BASE_URL` makes a provider, and `<NAME>_API_KEY` is its key."""
    async with listening(answer(completion("hi"))) as server:
        environment = {"MY_LAB_BASE_URL": server.url, "MY_LAB_API_KEY": f"{CANARY}\n"}
        async with open_models(["my-lab/m"], environment) as models:
            reply = await models["my-lab/m"].complete(say("?"), deadline=10)

    assert reply.text == "hi"
    assert headers_of(server.heads[0])["authorization"] == f"Bearer {CANARY}"


async def test_a_key_in_a_file_wins(tmp_path: Path) -> None:
    """A file is harder to leak than a variable; its line break is no part of the key."""
    (tmp_path / "key").write_text("from-file\n")
    async with listening(answer(completion("hi"))) as server:
        environment = {
            "OPENAI_BASE_URL": server.url,
            "OPENAI_API_KEY": "from-variable",
            "OPENAI_API_KEY_FILE": str(tmp_path / "key"),
        }
        async with open_models(["openai/m"], environment) as models:
            await models["openai/m"].complete(say("?"), deadline=10)

    assert headers_of(server.heads[0])["authorization"] == "Bearer from-file"


async def test_a_server_of_ones_own_needs_no_key() -> None:
    """With a base URL the key is that server's affair; none is sent."""
    async with listening(answer(completion("hi"))) as server:
        environment = {"OPENAI_BASE_URL": server.url}
        async with open_models(["openai/m"], environment) as models:
            await models["openai/m"].complete(say("?"), deadline=10)

    assert "authorization" not in headers_of(server.heads[0])


async def test_models_of_a_provider_share_a_client() -> None:
    """One pool of connections for each server; scripts count each for itself."""
    names = ["ollama/a", "ollama/b", "vllm/a", "scripted/echo", "scripted/legal"]

    async with open_models(names, {}) as models:
        assert sorted(models) == sorted(names)
        assert models["ollama/a"] is models["ollama/b"]
        assert len({id(model) for model in models.values()}) == 4


async def test_models_are_closed_on_exit() -> None:
    """Nothing is left open after the block."""
    async with open_models(["scripted/echo"], {}) as models:
        model = models["scripted/echo"]
        assert (await model.complete(say("hello"), deadline=1)).text == "hello"

    with pytest.raises(ModelError):
        await model.complete(say("hello"), deadline=1)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("opnai/gpt", "unknown model provider 'opnai': did you mean 'openai'?"),
        ("my-la/m", "unknown model provider 'my-la': did you mean 'my-lab'?"),
        ("local/smollm", "unknown local model 'smollm': did you mean 'smollm2-135m'?"),
        ("scripted/echoo", "unknown script 'echoo': did you mean 'echo'?"),
    ],
)
async def test_an_unknown_name_gets_the_nearest_one(name: str, words: str) -> None:
    """A slip of the pen is answered with what was meant."""
    with pytest.raises(UnknownName) as caught:
        async with open_models([name], {"MY_LAB_BASE_URL": "http://x/v1"}):
            pass

    assert str(caught.value) == words


async def test_an_unknown_server_gets_an_address() -> None:
    """Whoever has one of their own is told the variable's name."""
    with pytest.raises(UnknownName, match=r"has its address in ZOO_2_BASE_URL$"):
        async with open_models(["zoo-2/m"], {}):
            pass


@pytest.mark.parametrize("name", ["gpt-5", "", "openai/", "/m", "openai/a b", "Ö/m"])
async def test_what_is_no_name_is_a_usage_error(name: str) -> None:
    """The message shows what a name looks like."""
    with pytest.raises(UsageError, match="a name is provider/model"):
        async with open_models([name], {}):
            pass


@pytest.mark.parametrize("provider", ["openai", "openrouter"])
async def test_a_missing_key_is_named(provider: str) -> None:
    """The error names the variable to set, and what needs none."""
    with pytest.raises(UsageError, match=f"set {provider.upper()}_API_KEY, or"):
        async with open_models([f"{provider}/m"], {}):
            pass


async def test_a_key_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A wrong path is not silently no key."""
    environment = {"OPENAI_API_KEY_FILE": str(tmp_path / "none"), "OPENAI_API_KEY": "x"}

    with pytest.raises(UsageError, match=r"OPENAI_API_KEY_FILE: .*none cannot be read"):
        async with open_models(["openai/m"], environment):
            pass


async def test_a_local_server_that_runs_already_is_used() -> None:
    """A launcher starts one server for all its processes."""
    async with listening(answer(completion("hi"))) as server:
        environment = {"HUBBUB_LOCAL_URL": server.url}
        async with open_models(["local/smollm2-135m"], environment) as models:
            reply = await models["local/smollm2-135m"].complete(say("?"), deadline=10)

    assert reply.text == "hi"


async def test_missing_weights_are_a_usage_error(tmp_path: Path) -> None:
    """The error is the command that fetches them."""
    with pytest.raises(UsageError, match="hubbub models fetch smollm2-135m"):
        async with open_models(["local/smollm2-135m"], {"HUBBUB_CACHE": str(tmp_path)}):
            pass


async def test_a_probe_says_what_each_provider_offers(tmp_path: Path) -> None:
    """Those that are down, wrong or without a key say so, and none raises."""
    async with listening(LISTING) as server:
        down = dict.fromkeys((f"{name.upper()}_BASE_URL" for name in SERVERS), "x://y")
        environment = {
            **down,
            "VLLM_BASE_URL": server.url,
            "OPENAI_BASE_URL": "",
            "OLLAMA_BASE_URL": "http://127.0.0.1:1/v1",
            "HUBBUB_CACHE": str(tmp_path),
        }
        found = {result.provider: result for result in await probe(environment)}

    assert sorted(found) == sorted([*SERVERS, "local", "scripted"])
    assert found["vllm"].models == ("a", "b")
    assert found["scripted"].models == ("echo", "legal")
    assert "set OPENAI_API_KEY" in found["openai"].error
    assert found["ollama"].error.startswith("network: http://127.0.0.1:1: Connect")
    assert "no base URL" in found["lmstudio"].error
    assert "hubbub models fetch" in found["local"].error


async def test_a_probe_does_not_wait_for_a_silent_server(tmp_path: Path) -> None:
    """Each provider has its few seconds, and says nothing at their end."""
    silence = anyio.Event()

    async def say_nothing(writer: StreamWriter) -> None:
        await silence.wait()

    async with listening(say_nothing) as server:
        environment = {"MY_LAB_BASE_URL": server.url, "HUBBUB_CACHE": str(tmp_path)}
        found = await probe(environment, deadline=0.2)
        silence.set()

    assert "timeout: no reply within 0.2 s" in {result.error for result in found}
