"""
Export: how long a long run takes to become tables, and how much memory at most.

    python benchmarks/export.py --messages 1000000 --json

The run is made up: a party of model-minded guests whose record has the size of a real one.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from hubbub.console.picture import Picture
from hubbub.folder import RunFolder, make_folder
from hubbub.launch import finish
from hubbub.ledger import Ledger, Record, split
from hubbub.logfile import LogFile
from hubbub.messages import (
    Asked,
    Body,
    Called,
    Contributed,
    Draft,
    Ended,
    Joined,
    Left,
    PhaseClosed,
    PhaseOpened,
    RoundBegan,
    Said,
    Started,
    decode_line,
    encode_line,
)
from hubbub.models.base import Call, Prompt, Reply, Request
from hubbub.names import CONDUCTOR, LEDGER, PHASES, inbox
from hubbub.population import Group, Population
from hubbub.questions import Invite
from open_room import show

#: Lines that are written at once.
BATCH = 4096
WORDS = "What I like most is the sight of shadows on a wall, and then nothing. "

Spoken = tuple[str, str, Body]


def party(seats: tuple[str, ...]) -> Iterator[Spoken]:
    """Sender, room and body of message after message; it does not end."""
    yield CONDUCTOR, PHASES, Started(scenario="cocktail-party", seed=0, seats=seats)
    step = round = 0
    while True:
        round, step = round + 1, step + 2
        yield CONDUCTOR, PHASES, RoundBegan(step=step - 1, round=round, of=round)
        yield from invitations(seats, step, round)
        for one, other in zip(seats[::2], seats[1::2], strict=True):
            step += 1
            yield from conversation(one, other, step)


def invitations(seats: tuple[str, ...], step: int, round: int) -> Iterator[Spoken]:
    """A phase in which everybody invites."""
    yield (
        CONDUCTOR,
        PHASES,
        PhaseOpened(step=step, form="collect", what="Invite", seats=seats),
    )
    for place, seat in enumerate(seats):
        ask, to = f"{step}/{seat}", seats[(place + round) % len(seats)]
        question = msgspec.json.encode(Invite(round=round, rounds=round, others=(to,)))
        yield (
            CONDUCTOR,
            inbox(seat),
            Asked(
                ask=ask,
                step=step,
                question=msgspec.Raw(question),
                reply=inbox(CONDUCTOR),
                budget=60.0,
            ),
        )
        yield seat, LEDGER, called(ask, seat, round)
        answer = msgspec.Raw(msgspec.json.encode({"to": to}))
        yield (
            seat,
            inbox(CONDUCTOR),
            Contributed(ask=ask, step=step, outcome="answered", answer=answer),
        )
    yield CONDUCTOR, PHASES, PhaseClosed(step=step, why="all")


def conversation(one: str, other: str, step: int) -> Iterator[Spoken]:
    """Two talk: three turns each."""
    pair, room = (one, other), f"chat-{step}"
    yield CONDUCTOR, room, Joined(seats=pair, step=step)
    yield CONDUCTOR, room, PhaseOpened(step=step, form="chat", what=room, seats=pair)
    for number in range(1, 4):
        for seat in pair:
            turn = f"{step}/{seat}/{number}"
            yield seat, LEDGER, called(turn, seat, number)
            yield seat, room, Said(text=f"{WORDS * 2}{turn}", turn=turn)
    yield CONDUCTOR, room, PhaseClosed(step=step, why="over")
    yield CONDUCTOR, room, Left(seats=pair, step=step)


def called(id: str, seat: str, number: int) -> Called:
    """A call with a prompt of 1,000 characters or so."""
    request = Request(
        model="openai/gpt-5.6-luna",
        prompts=(Prompt("system", WORDS * 2), Prompt("user", f"{WORDS * 12}{number}")),
    )
    reply = Reply(text=WORDS, finish="stop", tokens_in=320, tokens_out=24)
    record = Call(call=f"{id}/1", seat=seat, request=request, reply=reply, cost=0.0001)
    return Called(call=f"{id}/1", record=msgspec.Raw(msgspec.json.encode(record)))


def write_run(path: Path, messages: int, seats: int) -> RunFolder:
    """A complete run of so many *messages* in the folder *path*."""
    group = Group(count=seats, mind="model", model="openai/gpt-5.6-luna")
    population = Population(scenario="cocktail-party", seats=(group,))
    folder = make_folder(path, path.name, "cocktail-party", population, {})
    log, ledger, picture = LogFile(folder.log), Ledger(folder.calls, 0), Picture()
    last: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    spoken = party(population.names())
    lines: list[bytes] = []
    for seq in range(1, messages + 1):
        end = (CONDUCTOR, PHASES, Ended(steps=1))
        sender, room, body = end if seq == messages else next(spoken)
        last[0][room] += 1
        last[1][sender] += 1
        draft = Draft(
            room=room, sender=sender, inc=1, no=last[1][sender], seen=seq - 1, body=body
        )
        whole = encode_line(draft, seq, last[0][room], 1_763_690_000_000 + 7 * seq)
        line, record = split(whole)
        if isinstance(record, Record):
            ledger.add(record)
        lines.append(line)
        picture.apply(decode_line(line))
        if len(lines) == BATCH or seq == messages:
            ledger.flush()
            log.append(lines)
            lines = []
    ledger.close()
    log.close()
    finish(folder, picture, 1.0)
    return folder


def measure(messages: int, seats: int, options: list[str]) -> dict[str, Any]:
    """Make a run, export it in a process of its own, and say what that took."""
    with tempfile.TemporaryDirectory(prefix="hubbub-") as parent:
        folder = write_run(Path(parent) / "run", messages, seats)
        sizes = [file.stat().st_size for file in (folder.log, folder.calls)]
        began = time.monotonic()
        command = [sys.executable, "-m", "hubbub", "export", str(folder.path)]
        subprocess.run([*command, *options], check=True, stdout=subprocess.DEVNULL)
        took = time.monotonic() - began
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        written = sum(f.stat().st_size for f in (folder.path / "tables").iterdir())
    return {
        "messages": messages,
        "record_mb": round(sum(sizes) / 1e6, 1),
        "tables_mb": round(written / 1e6, 1),
        "wall_s": round(took, 1),
        "cpu_s": round(used.ru_utime + used.ru_stime, 1),
        "us_per_message": round((used.ru_utime + used.ru_stime) * 1e6 / messages, 1),
        "peak_mb": round(used.ru_maxrss * 1024 / 1e6, 1),
    }


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--seats", type=int, default=100, help="an even number")
    parser.add_argument("--format", action="append", choices=["parquet", "csv"])
    parser.add_argument("--exposures", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    options = [f"--format={format}" for format in given.format or ["parquet"]]
    if given.exposures:
        options.append("--exposures")
    show(measure(given.messages, given.seats, options), given.json)


if __name__ == "__main__":
    main()
