"""``hubbub effect``: what an injection has changed."""

from math import inf

import click
import msgspec

from hubbub.cli.look import find_folder
from hubbub.cli.output import Page, echo_json
from hubbub.console.effects import notes, page
from hubbub.errors import UsageError
from hubbub.folder import RunFolder
from hubbub.kin import find_twin
from hubbub.log import read_log
from hubbub.measures.adversaries import read_adversaries
from hubbub.measures.effect import effect as find_effect
from hubbub.measures.effect import treated
from hubbub.messages import Message


@click.command()
@click.argument("run", default="")
@click.argument("twin", default="")
@click.option(
    "--outcome",
    "outcomes",
    multiple=True,
    metavar="NAME",
    help="belief, gift, talks or result:NAME.FIELD (default: all there are).",
)
@click.option(
    "--carried",
    multiple=True,
    metavar="TEXT",
    help="Whose way is told (default: the canary or claim of the injection).",
)
@click.option(
    "--upto",
    type=click.IntRange(min=1),
    metavar="SEQ",
    help="The last event of the run with the adversary (default: its end).",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def effect(
    run: str,
    twin: str,
    outcomes: tuple[str, ...],
    carried: tuple[str, ...],
    upto: int | None,
    as_json: bool,
) -> None:
    """
    Say what an injection into RUN has changed, beside its TWIN without it.

    Both are folders or ids; RUN is by default the latest run, TWIN the one it is a fork
    of, or its fork.  Which of the two has the adversary is read from their logs.
    """
    one = find_folder(run)
    other = find_folder(twin) if twin else find_twin(one)
    present, absent = _messages(one), None
    if other is not None:
        _check_alike(one, other)
        absent = _messages(other)
        if not treated(present, absent):
            one, other = other, one
            present, absent = absent, present
    elif not (read_adversaries(present).all or carried):
        raise UsageError(
            f"nothing was injected into {one.path}, and no run beside it is its fork: "
            "name its twin, or with --carried what is to be traced"
        )
    found = find_effect(
        present, absent, outcomes=outcomes, carried=carried, upto=upto or inf
    )
    names = one.run, other.run if other is not None else ""
    if as_json:
        told = msgspec.to_builtins(found)
        said = {"run": names[0], "twin": names[1] or None, "notes": [*notes(found)]}
        echo_json(said | told)
    else:
        Page().print(page(found, *names))


def _messages(folder: RunFolder) -> list[Message]:
    messages = list(read_log(folder.log)) if folder.log.exists() else []
    if not messages:
        raise UsageError(f"{folder.path} has no message in its log yet")
    return messages


def _check_alike(one: RunFolder, other: RunFolder) -> None:
    """Raise `UsageError` where the two cannot be twins."""
    for what in ("scenario", "seed"):
        mine, theirs = (getattr(run.manifest, what) for run in (one, other))
        if mine != theirs:
            raise UsageError(
                f"{other.path} is no twin of {one.path}: its {what} is {theirs}, not {mine}"
            )
    if one.run == other.run:
        raise UsageError(f"{one.path} is no twin of itself")
