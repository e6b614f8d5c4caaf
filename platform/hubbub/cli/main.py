"""The ``hubbub`` command: its parts, its errors and its exit codes."""

import sys
from typing import NoReturn

import click

from hubbub.cli.look import ls, show, tail, verify
from hubbub.cli.models import doctor, models
from hubbub.cli.play import resume, run
from hubbub.cli.roles import conductor, logger, worker
from hubbub.errors import (
    HubbubError,
    LogDamaged,
    UnknownName,
    UsageError,
    first_error,
)

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
    doctor,
    models,
    worker,
    conductor,
    logger,
):
    commands.add_command(_command)


def main() -> NoReturn:
    """Run a command and exit: 0 ok, 2 usage, 3 failed, 4 not verified, 130 interrupted."""
    try:
        commands.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(USAGE)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(INTERRUPTED)
    except HubbubError as error:
        _tell(error)
        sys.exit(code_of(error))
    except BaseExceptionGroup as group:
        first = first_error(group)
        if isinstance(first, KeyboardInterrupt):
            sys.exit(INTERRUPTED)
        if not isinstance(first, HubbubError):
            raise
        _tell(first)
        sys.exit(code_of(first))
    except BrokenPipeError:
        # The reader of our output has seen enough.
        sys.stderr.close()
        sys.exit(OK)
    sys.exit(OK)


def code_of(error: HubbubError) -> int:
    """The exit code for *error*."""
    if isinstance(error, UsageError):
        return USAGE
    return VERIFY_FAILED if isinstance(error, LogDamaged) else FAILED


def _tell(error: HubbubError) -> None:
    click.echo(f"hubbub: {error}", err=True)
