"""The reply cache: what was asked before is not asked again."""

from pathlib import Path

import anyio
import msgspec
import pytest

from hubbub.errors import ModelError, UsageError
from hubbub.models.base import Model, Prompt, Reply, Request, Sampling
from hubbub.models.cache import CachedModel, NoModel, Replies, open_replies, reply_key
from hubbub.models.catalogue import open_models
from hubbub.models.scripted import ScriptedModel
from hubbub.terms import CacheMode

from .contract import KINDS, ModelContract

ASK = Request(model="fake/one", prompts=(Prompt("user", "hello"),), seed=3)


def answer(request: Request) -> str:
    """Echo, or fail as told."""
    words = request.prompts[-1].content
    for kind in KINDS:
        if words == f"fail {kind}":
            raise ModelError(kind, "as told")
    return words


@pytest.fixture
def replies(tmp_path: Path) -> Replies:
    """An empty cache."""
    return Replies(tmp_path / "replies")


class TestCachedModel(ModelContract):
    """A cached model is a model."""

    @pytest.fixture
    def model(self, replies: Replies) -> Model:
        return CachedModel(ScriptedModel(answer), replies)


async def ask(model: Model, request: Request = ASK) -> Reply:
    """*model*'s reply to *request*."""
    return await model.complete(request, deadline=1)


async def test_the_same_request_is_asked_once(replies: Replies) -> None:
    """The second reply is the first one, and says that nobody was asked for it."""
    inner = ScriptedModel(["one", "two"])
    model = CachedModel(inner, replies)
    first, second = await ask(model), await ask(model)

    assert inner.calls == 1
    assert second == msgspec.structs.replace(first, cached=True)
    assert not first.cached


@pytest.mark.parametrize(
    "other",
    [
        {"model": "fake/two"},
        {"prompts": (Prompt("system", "hello"),)},
        {"schema": {"type": "string"}},
        {"sampling": Sampling(temperature=0.5)},
        {"seed": 4},
        {"seed": None},
        {"draw": 2},
    ],
)
def test_whatever_a_reply_depends_on_is_in_its_key(other: dict[str, object]) -> None:
    """A request that differs in anything is another request."""
    assert reply_key(msgspec.structs.replace(ASK, **other)) != reply_key(ASK)


def test_the_key_is_the_same_everywhere() -> None:
    """It does not depend on the order of a schema's keys."""
    there = msgspec.structs.replace(ASK, schema={"a": 1, "b": 2})
    back = msgspec.structs.replace(ASK, schema={"b": 2, "a": 1})

    assert reply_key(there) == reply_key(back)


async def test_replicates_are_drawn_apart(replies: Replies) -> None:
    """A study's repetitions do not repeat each other's replies."""
    inner = ScriptedModel(["one", "two"])
    first = CachedModel(inner, replies, replicate=0)
    second = CachedModel(inner, replies, replicate=1)

    assert [(await ask(m)).text for m in (first, second, first)] == [
        "one",
        "two",
        "one",
    ]


async def test_failures_are_not_kept(replies: Replies) -> None:
    """What went wrong once may go well the next time."""
    inner = ScriptedModel([ModelError("server", "down"), "up"])
    model = CachedModel(inner, replies)
    with pytest.raises(ModelError):
        await ask(model)

    assert (await ask(model)).text == "up"


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b'{"key":"x"}', b"["])
async def test_a_damaged_reply_is_asked_for_again(
    replies: Replies, tmp_path: Path, damage: bytes
) -> None:
    """And the file is whole again afterwards."""
    inner = ScriptedModel(["one", "two"])
    model = CachedModel(inner, replies)
    await ask(model)
    file = next(tmp_path.rglob("*.json"))
    file.write_bytes(damage)

    assert [(await ask(model)).text for _ in range(2)] == ["two", "two"]
    assert inner.calls == 2


async def test_a_reply_that_was_edited_is_damaged(
    replies: Replies, tmp_path: Path
) -> None:
    """Words that the model did not say do not come out of the cache."""
    model = CachedModel(ScriptedModel(["yes", "again"]), replies)
    await ask(model)
    file = next(tmp_path.rglob("*.json"))
    file.write_text(file.read_text().replace("yes", "no!"))

    assert (await ask(model)).text == "again"


async def test_a_reply_under_another_name_is_damaged(
    replies: Replies, tmp_path: Path
) -> None:
    """A file that was moved answers no other request."""
    model = CachedModel(ScriptedModel(["one", "two"]), replies)
    await ask(model)
    other = msgspec.structs.replace(ASK, seed=4)
    file = next(tmp_path.rglob("*.json"))
    key = reply_key(other)
    (tmp_path / "replies" / key[:2]).mkdir(exist_ok=True)
    file.rename(tmp_path / "replies" / key[:2] / f"{key}.json")

    assert (await ask(model, other)).text == "two"


async def test_many_may_write_at_once(replies: Replies, tmp_path: Path) -> None:
    """Nobody reads half a file, and nothing else is left behind."""
    model = CachedModel(ScriptedModel(answer), replies)
    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(ask, model)

    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1
    assert (await ask(CachedModel(NoModel(), replies))).text == "hello"


async def test_a_full_disk_loses_no_reply(replies: Replies, tmp_path: Path) -> None:
    """What cannot be kept is used all the same."""
    key = reply_key(ASK)
    (tmp_path / "replies" / key[:2]).write_text("a file where a folder should be")
    model = CachedModel(ScriptedModel(answer), replies)

    assert (await ask(model)).text == "hello"


async def test_words_that_are_no_text_are_an_error(replies: Replies) -> None:
    """A lone surrogate is nobody's prompt."""
    model = CachedModel(ScriptedModel(answer), replies)
    with pytest.raises(ModelError, match="bad_request"):
        await ask(model, msgspec.structs.replace(ASK, model="\ud800"))


def test_a_cache_that_cannot_be_written_is_said_at_once(tmp_path: Path) -> None:
    """The message names the folder and the mend."""
    (tmp_path / "file").touch()

    with pytest.raises(UsageError, match=r"file/replies .* set HUBBUB_CACHE"):
        open_replies({"HUBBUB_CACHE": str(tmp_path / "file")})


async def test_only_the_cache_needs_no_key_and_no_server(tmp_path: Path) -> None:
    """What is not in it is a failure of its own kind; names must be names all the same."""
    environment = {"HUBBUB_CACHE": str(tmp_path)}
    names = ["openai/m", "local/smollm2-135m", "unheard-of/m"]

    async with open_models(names, environment, "only") as models:
        assert [*models] == sorted(names, key=lambda n: (n.startswith("local/"), n))
        for model in models.values():
            with pytest.raises(ModelError, match="not_cached"):
                await ask(model)
    with pytest.raises(UsageError):
        async with open_models(["nothing"], environment, "only"):
            pass


async def test_models_by_name_share_the_cache(tmp_path: Path) -> None:
    """What one run was told, the next finds, and a reviewer too."""
    environment = {"HUBBUB_CACHE": str(tmp_path)}
    request = msgspec.structs.replace(ASK, model="scripted/echo")
    modes: tuple[CacheMode, ...] = ("off", "use", "use", "only")
    for mode, cached in zip(modes, (False, False, True, True), strict=True):
        async with open_models(["scripted/echo"], environment, mode) as models:
            reply = await ask(models["scripted/echo"], request)

        assert (reply.text, reply.cached) == ("hello", cached)
