"""The scripted model: the contract, its list, and answers drawn from a schema."""

import json
import re
from typing import Any

import pytest

from hubbub.chance import generator
from hubbub.errors import ModelError
from hubbub.models import Model, Prompt, Request, ScriptedModel
from hubbub.models.drawing import draw_words
from hubbub.models.scripted import echo, legal
from hubbub.questions import Turn

from .contract import KINDS, ModelContract, say


def obey(request: Request) -> str:
    """Say what the prompt says, or fail as it says."""
    words = echo(request)
    for kind in KINDS:
        if words == f"fail {kind}":
            raise ModelError(kind, "as the script says")
    return words


class TestScriptedModel(ModelContract):
    @pytest.fixture
    def model(self) -> Model:
        return ScriptedModel(obey)


async def test_a_list_is_said_in_order_and_counted() -> None:
    """Replies and failures take their turns; every call counts."""
    model = ScriptedModel(["one", ModelError("refused", "no"), "three"])

    assert (await model.complete(say("?"), deadline=1)).text == "one"
    with pytest.raises(ModelError, match="refused"):
        await model.complete(say("?"), deadline=1)
    assert (await model.complete(say("?"), deadline=1)).text == "three"
    assert model.calls == 3


async def test_a_list_that_is_used_up_fails() -> None:
    """A script that is too short is not repeated in silence."""
    model = ScriptedModel(["only"])
    await model.complete(say("?"), deadline=1)

    with pytest.raises(ModelError, match="the script has no reply 2"):
        await model.complete(say("?"), deadline=1)


def drawn(schema: dict[str, Any], seed: int = 1) -> Any:
    prompts = (Prompt("user", "?"),)
    request = Request(model="scripted/legal", prompts=prompts, schema=schema, seed=seed)
    return json.loads(legal(request))


@pytest.mark.parametrize("seed", range(20))
def test_a_drawn_answer_is_legal(seed: int) -> None:
    """Every part of a schema that a question may use is followed."""
    answer = drawn(
        {
            "type": "object",
            "properties": {
                "to": {"enum": ["L1", "L2", None]},
                "text": {"type": "string", "minLength": 4, "maxLength": 9},
                "price": {"type": "integer", "minimum": 3, "maximum": 5},
                "share": {"anyOf": [{"type": "number"}, {"type": "null"}]},
                "many": {"type": "array", "items": {"const": 7}, "maxItems": 2},
                "sure": {"$ref": "#/$defs/Sure"},
            },
            "$defs": {"Sure": {"type": "boolean"}},
        },
        seed,
    )

    assert list(answer) == ["to", "text", "price", "share", "many", "sure"]
    assert answer["to"] in ("L1", "L2", None)
    assert 4 <= len(answer["text"]) <= 9
    assert answer["price"] in (3, 4, 5)
    assert answer["share"] is None or 0 <= answer["share"] <= 1
    assert answer["many"] in ([], [7], [7, 7])
    assert answer["sure"] in (True, False)


def test_a_drawn_answer_depends_on_its_seed_alone() -> None:
    """Same seed, same answer; other seeds, other answers."""
    schema = Turn(room="r", others=("L2",), turn=1, turns=2).schema()

    assert schema is not None
    assert drawn(schema, 5) == drawn(schema, 5)
    assert len({str(drawn(schema, seed)) for seed in range(20)}) > 5


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(
    "pattern",
    [
        r"CONTRIBUTE \$(?P<amount>\d+)",
        r"(?s)(?P<reason>.*)CONTRIBUTE \$(?P<amount>\d{1,2})\Z",
        r"LEAVE|ACCEPT (?P<who>L[1-9])",
        r"^(?:I|We) (?i:agree)\b[.!]?$",
        r"[^a-y]{3}[\d_-]{2,}\S+\s\w*",
        r"\(\d{3}\) a|b|",
    ],
)
def test_drawn_words_match_their_pattern(pattern: str, seed: int) -> None:
    """A scenario whose answers are words can be tried without a model too."""
    prompts = (Prompt("user", "?"),)
    request = Request(model="s/l", prompts=prompts, pattern=pattern, seed=seed)

    assert re.search(pattern, legal(request))
    assert legal(request) == legal(request)


def test_a_number_in_drawn_words_is_a_small_one() -> None:
    """Most games would not take a large one."""
    drawn = {draw_words(r"\d+", generator(seed)) for seed in range(200)}

    assert {len(number) for number in drawn} == {1, 2}


@pytest.mark.parametrize("pattern", [r"(?=x)y", r"(a)\1", r"x{,2}y{", r"(?<!a)b\x41"])
def test_a_pattern_that_is_beyond_us_draws_any_words(pattern: str) -> None:
    """They may not match; the answer is then unparsable, and nothing breaks."""
    assert draw_words(pattern, generator(1))
