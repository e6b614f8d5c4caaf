"""Run folders to export: random games with all that can go wrong, and hostile words."""

from pathlib import Path

import anyio

from hubbub.bus import MemoryBus
from hubbub.folder import RunFolder
from hubbub.messages import (
    Asked,
    Contributed,
    Ended,
    Joined,
    Left,
    Message,
    PhaseClosed,
    PhaseOpened,
    RoundBegan,
    Said,
    Started,
)
from hubbub.names import CONDUCTOR
from hubbub.phases import encode
from hubbub.population import Cast, Group, Population
from hubbub.questions import Accept, Acceptance, Invitation, Invite

from ..leaping import in_no_time
from ..playing import Scribe, Troupe, bus_with, play
from ..records import kept
from ..simulation import SEATS, Muser, consult, game, think, waver

#: What spreadsheets, terminals and parsers take for orders.
HOSTILE = (
    '=HYPERLINK("http://a.example","b")',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\uff1d1+1",
    'say "no", then\nsay ""\r\nno more;=1+1',
    "\x1b[2J\x07\x00\x7f\x9b",
    "\u2028\u2029\u202e\ufeff\U000e0041",
    "🫖 naïve\u0301 名前",
    "",
    "-17.5e3",
    "'quoted",
    "NULL",
    "x" * 1_000_000,
)


def random_run(path: Path, seed: int) -> RunFolder:
    """The folder, in *path*, of a random game of five seats that think and waver."""
    messages: list[Message] = []

    @in_no_time
    async def make() -> None:
        acts = [think, waver, consult, waver, consult]
        rules = game(seed, wild=True)
        troupe = Troupe(rules, dict(zip(SEATS, acts, strict=True)), seed)
        messages.extend(await play(troupe, models={"fake/m": Muser()}))

    make()
    return anyio.run(written, path, messages)


async def party_run(path: Path, guests: int = 4, rounds: int = 3) -> RunFolder:
    """The folder, in *path*, of a party of evenly inviting guests."""
    bus = MemoryBus()
    group = Group(count=guests, mind="uniform")
    parameters = {"rounds": rounds}
    population = Population(
        scenario="cocktail-party", parameters=parameters, seats=(group,)
    )
    await play(Cast(population), bus)
    return await kept(path, bus)


async def written(path: Path, messages: list[Message]) -> RunFolder:
    """The folder, in *path*, of a run with *messages*, which are those of a whole one."""
    return await kept(path, await bus_with(messages))


def hostile_talk() -> list[Message]:
    """Two say `HOSTILE` to each other."""
    scribe = Scribe()
    scribe.write(Started(scenario="x", seed=0, seats=("L1", "L2")))
    scribe.write(Joined(seats=("L1", "L2")), room="hall")
    for number, text in enumerate(HOSTILE, 1):
        scribe.write(Said(text=text, turn=f"2/L1/{number}"), "L1", "hall")
    scribe.write(Ended(steps=2))
    return scribe.messages


def planted_party() -> list[Message]:
    """
    Two rounds, each edge of which is known.

    In both L1 invites L2 and is accepted, and they talk, L1 twice and L2 once.  L2
    invites L3 in the first one; L3 does so too late, and never answers whom to accept.
    """
    scribe, seats = Scribe(), ("L1", "L2", "L3")
    scribe.write(Started(scenario="x", seed=0, seats=seats))
    for number in (1, 2):
        step = 10 * number
        scribe.write(RoundBegan(step=step, round=number, of=2))
        _ask(scribe, step + 1, {seat: _invite(seat, seats) for seat in seats})
        _answer(scribe, step + 1, "L1", Invitation(to="L2"))
        _answer(scribe, step + 1, "L2", Invitation(to="L3" if number == 1 else None))
        scribe.write(PhaseClosed(step=step + 1, why="deadline"))
        _answer(scribe, step + 1, "L3", Invitation(to="L1"))
        accept = Accept(invited_by=("L1",))
        _ask(scribe, step + 2, {"L2": accept, "L3": accept})
        _answer(scribe, step + 2, "L2", Acceptance(accept=("L1",)))
        scribe.write(PhaseClosed(step=step + 2, why="deadline"))
        _talk(scribe, step + 3)
    scribe.write(Ended(steps=30))
    return scribe.messages


def _invite(seat: str, seats: tuple[str, ...]) -> Invite:
    others = tuple(other for other in seats if other != seat)
    return Invite(round=1, rounds=2, others=others)


def _ask(
    scribe: Scribe, step: int, asks: dict[str, Invite] | dict[str, Accept]
) -> None:
    scribe.write(PhaseOpened(step=step, form="collect", what="X", seats=tuple(asks)))
    for seat, question in asks.items():
        asked = Asked(
            ask=f"{step}/{seat}",
            step=step,
            question=encode(question),
            reply="@conductor",
            budget=1.0,
        )
        scribe.write(asked, room=f"@{seat}")


def _answer(scribe: Scribe, step: int, seat: str, answer: object) -> None:
    given = Contributed(
        ask=f"{step}/{seat}", step=step, outcome="answered", answer=encode(answer)
    )
    scribe.write(given, seat, "@conductor")


def _talk(scribe: Scribe, step: int) -> None:
    room, pair = f"chat-{step}", ("L1", "L2")
    scribe.write(Joined(seats=pair, step=step), room=room)
    scribe.write(
        PhaseOpened(step=step, form="chat", what=room, seats=pair, opener="L1"),
        room=room,
    )
    for number, seat in enumerate(("L1", "L2", "L1"), 1):
        turn = f"{step}/{seat}/{number}"
        scribe.write(Said(text="words", turn=turn), seat, room)
    scribe.write(PhaseClosed(step=step, why="over"), CONDUCTOR, room)
    scribe.write(Left(seats=pair, step=step), CONDUCTOR, room)
