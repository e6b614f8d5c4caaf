"""The ledger of contexts: from views and the log every prompt can be made again."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from hubbub.bus import MemoryBus
from hubbub.cohort import Persona, seal
from hubbub.errors import ModelError, UsageError
from hubbub.folder import make_folder
from hubbub.log import read_log
from hubbub.logger import Logger
from hubbub.messages import Called, Message
from hubbub.models.base import Call, Model, Request
from hubbub.models.scripted import ScriptedModel
from hubbub.policies import Memory, Summary, Window
from hubbub.population import Cast, Group, Population, Template
from hubbub_agents.rebuild import Past, read_past, rebuild

from .leaping import in_no_time
from .playing import play
from .test_memories import MODEL, calls, each_policy, room, talk

BEES = seal(tuple(Persona(text=f"You keep {n} {{rules}} bees.") for n in range(9)))


def blank(log: Sequence[Message]) -> list[Message]:
    """*log* with calls whose requests have lost their prompts."""

    def without(message: Message) -> Message:
        if not isinstance(message.body, Called):
            return message
        call = msgspec.json.decode(message.body.record, type=Call)
        request = msgspec.structs.replace(call.request, prompts=())
        call = msgspec.structs.replace(call, request=request)
        record = msgspec.Raw(msgspec.json.encode(call))
        body = msgspec.structs.replace(message.body, record=record)
        return msgspec.structs.replace(message, body=body)

    return [*map(without, log)]


def check(log: Sequence[Message], cast: Cast) -> list[Call]:
    """Make every prompt of *log* again, and return its calls."""
    past, blanks = Past(blank(log), cast), calls(blank(log))
    for call, told in zip(blanks, calls(log), strict=True):
        assert past.prompts(call) == told.request.prompts, call.call
    return blanks


@each_policy
@in_no_time
async def test_every_prompt_of_a_room_is_made_again(policy: Memory) -> None:
    """Byte for byte, those of upkeep too, with persona and template."""
    template = Template("I am {seat}. {persona} {rules}")
    cast = room(policy, 3, 8, cohort=BEES, cohort_from=2, system=template)
    found = check(await play(cast, models={MODEL: ScriptedModel(talk)}), cast)

    assert len(found) >= 24
    assert {call.seat for call in found} == {"L1", "L2", "L3"}


@each_policy
@in_no_time
async def test_every_prompt_of_a_party_is_made_again(policy: Memory) -> None:
    """Sealed asks, chats that end, and rounds."""
    group = Group(count=4, model=MODEL, memory=policy)
    cast = Cast(
        Population(scenario="cocktail-party", parameters={"rounds": 4}, seats=(group,))
    )
    found = check(await play(cast, models={MODEL: ScriptedModel(talk)}), cast)

    assert len(found) > 40


def stubborn(request: Request) -> str:
    """Says nothing legal before it was told so twice; a summary is whatever it says."""
    words = {2: "Let me think\x00.", 4: request.prompts[-2].content + '{"text": 3}'}
    said = words[len(request.prompts)]
    return talk(request) if said.count("text") == 2 else said


def narrow(request: Request) -> str:
    """A server with little room."""
    if sum(len(prompt.content) for prompt in request.prompts) > 2_000:
        raise ModelError("context_length", "too long")
    return talk(request)


@pytest.mark.parametrize("reply", [narrow, stubborn])
@in_no_time
async def test_prompts_of_further_tries_are_made_again(
    reply: Callable[[Request], str],
) -> None:
    """Repairs, with the model's own words, and shorter ones after one too long."""
    cast = room(Summary(limit=600, keep=300, size=40), 3, 8)
    model: Model = ScriptedModel(reply)
    log = await play(cast, models={MODEL: model})
    found = check(log, cast)

    assert len(found) > 24 + 6
    assert rebuild(found[0], log, cast.population) == calls(log)[0].request.prompts


async def test_a_run_folder_gives_its_prompts_back(tmp_path: Path) -> None:
    """From its files alone; its log keeps how many messages were left out."""
    cast, bus = room(Window(messages=3), 3, 8), MemoryBus()
    log = await play(cast, bus, models={MODEL: ScriptedModel(talk)})
    make_folder(tmp_path, bus.run, "open-room", cast.population, {})
    await Logger(bus, tmp_path).run()
    past = read_past(tmp_path)
    kept = [m.body for m in read_log(tmp_path / "log.jsonl") if m.kind == "call"]

    assert {call.call for call in past.calls()} == {call.call for call in calls(log)}
    for call in past.calls():
        assert past.prompts(call) == call.request.prompts
    assert [m.body.dropped for m in log if isinstance(m.body, Called)] == [
        body.dropped for body in kept if isinstance(body, Called) and body.sha256
    ]
    assert any(call.view.dropped for call in past.calls())


@in_no_time
async def test_a_call_that_is_not_in_the_log() -> None:
    """Nobody makes up what it was shown."""
    cast = room(Summary(), 2, 1)
    log = await play(cast, models={MODEL: ScriptedModel(talk)})
    (call, *_) = calls(log)

    for id in ("9/L1/9/1", "", "1/L1/x"):
        with pytest.raises(UsageError, match="the log has no call"):
            Past(log, cast).prompts(msgspec.structs.replace(call, call=id))


@in_no_time
async def test_what_is_in_view_is_what_was_heard() -> None:
    """A view names messages that the seat had heard when it was asked, and no others."""
    cast = room(Summary(limit=300, keep=100, size=40), 3, 8)
    log = await play(cast, models={MODEL: ScriptedModel(talk)})
    for message in log:
        if isinstance(message.body, Called):
            view = msgspec.json.decode(message.body.record, type=Call).view
            rooms = {log[seq - 1].room for seq in view.messages}

            assert all(seq <= message.seen for seq in view.messages)
            assert rooms <= {"hall", f"@{message.sender}"}
