"""``hubbub sit``: a human in a seat, line by line."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from hubbub.client import SeatClient
from hubbub.errors import UsageError
from hubbub.text import safe_text


@click.command()
@click.argument("url")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="A file with the seat's token (default: it is asked for).",
)
def sit(url: str, token_file: Path | None) -> None:
    """
    Take a seat at the gateway at URL: read what is said, and answer on lines.

    An empty line passes; in a conversation "/leave WORDS" leaves it.
    """
    with SeatClient(url, _token(token_file)) as seat:
        me = seat.me()
        _show(f"You are {me['seat']}, with {', '.join(me['seats'])}.\n{me['rules']}")
        seat.play(_decide)
    _show("The run is over.")


def _token(file: Path | None) -> str:
    if file is None:
        return str(click.prompt("token", hide_input=True))
    try:
        # As seat-tokens writes it, the seat comes first.
        return file.read_text().split()[-1]
    except (OSError, UnicodeDecodeError, IndexError):
        raise UsageError(f"{file}: no token can be read from it") from None


def _decide(ask: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> object:
    for event in events:
        if words := _words(event):
            _show(words)
    if ask["complaint"]:
        _show(f"That is no answer: {ask['complaint']}")
    _show(f"── {ask['words']}")
    if not ask["chat"]:
        _show(f"   {ask['how']}")
        if ask["schema"]:
            _show(f"   {msgspec.json.encode(ask['schema']).decode()}")
    line = click.prompt(">", default="", show_default=False, prompt_suffix=" ").strip()
    if not line:
        return None
    if ask["chat"]:
        leave = line == "/leave" or line.startswith("/leave ")
        words = line.removeprefix("/leave").strip() if leave else line
        return {"text": words, "leave": leave}
    return line if ask["pattern"] else _json(line)


def _json(line: str) -> object:
    """*line* as JSON, or as text where it is none, for the platform to complain of."""
    try:
        return msgspec.json.decode(line)
    except (ValueError, RecursionError):
        return line


def _words(event: Mapping[str, Any]) -> str:
    """What *event* says to a human; empty for nothing."""
    body, sender = event["body"], event["sender"]
    match event["kind"]:
        case "say":
            return f"{event['room']}  {sender}: {body['text']}"
        case "leave":
            return f"{event['room']}  {sender} leaves: {body.get('text', '')}"
        case "round":
            return f"── round {body['round']} of {body['of']} ──"
        case "tick":
            return f"{event['room']}  {body['name']}: {body['value']}"
        case _:
            return ""


def _show(words: str) -> None:
    click.echo(safe_text(words, 20_000, newlines=True))
