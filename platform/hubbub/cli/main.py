"""The ``hubbub`` command: its parts, its errors and its exit codes."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from hubbub.cli.access import acl, read_url_file
from hubbub.cli.ask import ask
from hubbub.cli.cohort import cohort
from hubbub.cli.doctor import doctor
from hubbub.cli.dotenv import read_dotenv
from hubbub.cli.effect import effect
from hubbub.cli.export import export
from hubbub.cli.fork import fork
from hubbub.cli.gateway import gateway, seat_tokens
from hubbub.cli.inject import eject, inject
from hubbub.cli.interrupt import Interrupted
from hubbub.cli.look import ls, show, verify
from hubbub.cli.models import models
from hubbub.cli.output import hold_streams, silence
from hubbub.cli.play import resume, run
from hubbub.cli.replay import replay
from hubbub.cli.report import report
from hubbub.cli.roles import alive, begin, conductor, logger, worker
from hubbub.cli.sit import sit
from hubbub.cli.study import study
from hubbub.cli.tail import tail
from hubbub.errors import (
    HubbubError,
    LogDamaged,
    ReplayDiffers,
    UnknownName,
    UsageError,
    first_error,
)
from hubbub.heap import collect_seldom
from hubbub.secrets import keep_secrets
from hubbub.text import safe_text

OK, USAGE, FAILED, VERIFY_FAILED, INTERRUPTED = 0, 2, 3, 4, 130


class _Commands(click.Group):
    """Commands in the order they were added; a misspelt one gets a suggestion."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command = super().get_command(ctx, cmd_name)
        if command is None:
            raise UnknownName("command", cmd_name, list(self.commands))
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hubbub")
def commands() -> None:
    """Run collectives of language-model agents that talk at once."""


for _command in (
    run,
    resume,
    ls,
    tail,
    show,
    verify,
    inject,
    eject,
    fork,
    ask,
    effect,
    replay,
    study,
    report,
    export,
    doctor,
    models,
    cohort,
    acl,
    begin,
    worker,
    conductor,
    logger,
    gateway,
    seat_tokens,
    sit,
    alive,
):
    commands.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """
    Run a command and exit.

    0 ok; 2 what was asked for cannot be, and nothing was begun; 3 failed; 4 not
    verified; 130 interrupted.
    """
    hold_streams()
    collect_seldom()
    try:
        # Before anything is parsed: options are read from variables, too.
        read_dotenv(os.environ)
        read_url_file(os.environ)
        keep_secrets(os.environ)
        # Not commands.main: it makes exit code 1 of a reader that has left.
        given = list(sys.argv[1:] if arguments is None else arguments)
        with commands.make_context("hubbub", given) as context:
            commands.invoke(context)
        sys.stdout.flush()
    except BaseException as raised:  # noqa: BLE001 - what is no ending is raised again
        sys.exit(explain(raised))
    sys.exit(OK)


def explain(raised: BaseException) -> int:
    """Say what ended a command and return its exit code; a bug is raised again."""
    error = first_error(raised)
    match error:
        case click.ClickException():
            error.show()
            return USAGE
        case KeyboardInterrupt() | Interrupted() | click.Abort():
            return INTERRUPTED
        case HubbubError():
            _tell(str(error))
            return code_of(error)
        case click.exceptions.Exit():
            return error.exit_code
        case BrokenPipeError():
            # The reader of our output has seen enough.
            silence()
            return OK
        case OSError() if error.strerror:
            _tell(
                f"{error.filename}: {error.strerror}" if error.filename else str(error)
            )
            return FAILED
        case _:
            raise raised


def code_of(error: HubbubError) -> int:
    """The exit code for *error*."""
    if isinstance(error, UsageError):
        return USAGE
    damaged = isinstance(error, LogDamaged | ReplayDiffers)
    return VERIFY_FAILED if damaged else FAILED


def _tell(words: str) -> None:
    click.echo(f"hubbub: {safe_text(words, 8_000, newlines=True)}", err=True)
