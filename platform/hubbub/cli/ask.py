"""``hubbub ask``."""

from collections.abc import Sequence
from contextlib import closing
from typing import NamedTuple

import anyio
import click
import msgspec

from hubbub.bus.base import Bus
from hubbub.cli.live import open_live
from hubbub.cli.look import find_folder
from hubbub.cli.output import echo_json
from hubbub.console.calls import Usage, price
from hubbub.errors import HubbubError, UsageError
from hubbub.folder import RunFolder
from hubbub.interview import Answer, interview
from hubbub.launch import read_cast, read_terms
from hubbub.messages import Message
from hubbub.population import Cast
from hubbub.tape import LogTape, MemoryTape, Tape
from hubbub.terms import CacheMode, Terms
from hubbub.text import safe_text


@click.command()
@click.argument("run")
@click.argument("seat")
@click.argument("questions", metavar="QUESTION...", nargs=-1, required=True)
@click.option(
    "--at",
    default="",
    metavar="WHEN",
    help="The last event it has heard: seq:N, round:R or phase:NAME (default: the "
    "latest).",
)
@click.option(
    "--model",
    default="",
    metavar="PROVIDER/MODEL",
    help="Have this model answer in place of the seat's own, or of its rule.",
)
@click.option(
    "--cache",
    type=click.Choice(["off", "use", "only"]),
    help="Answer from the reply cache what it has, or only from it (default: the run's).",
)
@click.option(
    "--redis",
    "url",
    envvar="REDIS_URL",
    default="",
    metavar="URL",
    help="The run is on this server: RUN is its id.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON lines on stdout.")
def ask(
    run: str,
    seat: str,
    questions: Sequence[str],
    at: str,
    model: str,
    cache: CacheMode | None,
    url: str,
    as_json: bool,
) -> None:
    """
    Ask a copy of SEAT in RUN (a folder or an id) something in private.

    Nothing of the run is changed, and nobody in it hears of it.  Each QUESTION is asked
    of another copy.
    """
    asked = _Asked(seat, questions, at, model, cache)
    if url:
        answers = anyio.run(_ask_live, run, url, asked)
    else:
        answers = _ask_folder(find_folder(run), asked)
    for answer in answers:
        if as_json:
            echo_json(_told(answer))
        else:
            _tell(answer)
    if failed := [answer for answer in answers if answer.outcome != "answered"]:
        raise HubbubError(_why(failed[0]))


class _Asked(NamedTuple):
    """What is asked of whom, and how."""

    seat: str
    questions: Sequence[str]
    at: str
    model: str
    cache: CacheMode | None

    async def of(self, cast: Cast, tape: Tape, terms: Terms) -> list[Answer]:
        terms = msgspec.structs.replace(terms, cache=self.cache or terms.cache)
        return await interview(
            cast,
            tape,
            self.seat,
            self.questions,
            at=self.at,
            model=self.model,
            terms=terms,
        )


def _ask_folder(folder: RunFolder, asked: _Asked) -> list[Answer]:
    if not folder.log.exists():
        raise UsageError(f"{folder.path} has no message in its log yet")
    cast, terms = Cast(folder.population()), folder.manifest.terms
    with closing(LogTape(folder.log, folder.calls)) as tape:
        return anyio.run(asked.of, cast, tape, terms)


async def _ask_live(run: str, url: str, asked: _Asked) -> list[Answer]:
    async with open_live(run, url, "operator") as bus:
        cast, terms = await read_cast(bus), await read_terms(bus)
        tape = MemoryTape(await _read(bus))
    return await asked.of(cast, tape, terms)


async def _read(bus: Bus) -> list[Message]:
    messages: list[Message] = []
    while page := await bus.read(len(messages)):
        messages += page
    return messages


def _usage(answer: Answer) -> Usage:
    usage = Usage()
    for call in answer.calls:
        usage.add(call)
    return usage


def _told(answer: Answer) -> dict[str, object]:
    usage = _usage(answer)
    return {
        "seat": answer.seat,
        "seq": answer.seq,
        "question": answer.question,
        "outcome": answer.outcome,
        "text": answer.text,
        "note": answer.note,
        "models": sorted({call.request.model for call in answer.calls}),
        "calls": usage.calls,
        "tokens_in": usage.tokens_in,
        "tokens_out": usage.tokens_out,
        "cost": usage.known_cost,
    }


def _tell(answer: Answer) -> None:
    usage = _usage(answer)
    text = safe_text(answer.text, 20_000, newlines=True) or f"({answer.outcome})"
    click.echo(f"{answer.seat} at {answer.seq:,}: {text}")
    if usage.calls:
        tokens = f"{usage.tokens_in:,} tokens in and {usage.tokens_out:,} out"
        click.echo(f"  {price(usage)}, {tokens}", err=True)


def _why(answer: Answer) -> str:
    """Why there is no answer, and what would give one."""
    why = f"{answer.seat} has not answered: {answer.outcome}"
    if answer.note:
        why += f", {answer.note}"
    if not answer.calls:
        why += (
            "\n  what fills the seat has no words for this: have a model answer in its "
            "place with --model PROVIDER/MODEL"
        )
    return why
