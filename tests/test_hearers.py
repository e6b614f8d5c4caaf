"""Whoever reads a log knows what each mind has heard, impaired links and mutes included."""

from typing import Any

import msgspec
import pytest

from hubbub.hearers import Hearing
from hubbub.messages import Injected, Message, encode_body
from hubbub.scenario import scenario
from hubbub.stage import Stage
from hubbub.virtual import simulate

from .playing import Guess, Troupe, chatter, seats


@scenario(asks=[Guess])
async def talks(stage: Stage) -> None:
    """Talks, in one room and in twos."""
    await stage.open_room("hall", stage.seats)
    await stage.chat("hall", stage.seats, turns=3)
    await stage.mute("L2", "L4")
    await stage.chats([("L1", "L2"), ("L3", "L4")], turns=3)
    await stage.mute("L2", "L4", on=True)
    await stage.chat("hall", stage.seats, turns=3)


def key(message: Message) -> tuple[int, str, bytes]:
    """What a mind can tell of *message*."""
    return message.seq, message.kind, encode_body(message.body)


def impair(id: str, *names: str, **group: Any) -> Injected:
    """What is asked for."""
    raw = msgspec.Raw(msgspec.json.encode(group))
    return Injected(id=id, surface="impair", seats=names, group=raw)


@pytest.mark.parametrize(
    "groups",
    [
        [],
        [{"kind": "drop", "p": 0.5}],
        [{"kind": "delay", "mean": 4.0, "law": "exponential"}],
        [{"kind": "duplicate", "p": 0.5}, {"kind": "reorder", "window": 4}],
        [{"kind": "partition", "peers": ["L3"]}, {"kind": "drop", "p": 0.3}],
    ],
    ids=["none", "drop", "delay", "twice", "partition"],
)
def test_it_is_what_the_minds_have_heard(groups: list[dict[str, Any]]) -> None:
    """To the byte and in their order, seat by seat, in a run that went on."""
    troupe = Troupe(talks, seats(4, chatter()))
    asked = [impair(f"i{n}", "L1", "L2", **group) for n, group in enumerate(groups)]
    messages = simulate(troupe, interventions={9: asked})
    hearing, heard = Hearing(), dict[str, list[tuple[int, str, bytes]]]()
    for message in messages:
        for seat, each in hearing.apply(message):
            heard.setdefault(seat, []).append(key(each))

    for seat in troupe.names:
        observed = [key(event) for event in troupe.player(seat).events]
        assert observed == heard[seat][: len(observed)]
        assert len(observed) > 20
