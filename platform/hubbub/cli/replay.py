"""``hubbub replay``."""

from contextlib import closing

import click
import msgspec

from hubbub.cli.look import check_manifest, find_folder
from hubbub.cli.output import echo_json
from hubbub.errors import ReplayDiffers, UsageError
from hubbub.folder import RunFolder
from hubbub.leaping import run_in_no_time
from hubbub.log import Audit
from hubbub.population import Cast
from hubbub.replay import Replayed
from hubbub.replay import replay as do_again
from hubbub.tape import LogTape
from hubbub.text import safe_text


@click.command()
@click.argument("run", default="")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def replay(run: str, as_json: bool) -> None:
    """
    Do RUN again from its record alone; exit 4 with the first difference.

    Every answer, word, memory and prompt, every step and result must come out byte by
    byte as they are on record.  No model is asked and no server is needed.
    """
    folder = find_folder(run)
    try:
        done = _replay(folder)
    except ReplayDiffers as differs:
        if as_json:
            where = {"seq": differs.seq, "seat": differs.seat}
            told = {"expected": differs.expected, "found": differs.found}
            echo_json({"run": folder.run, "ok": False, **where, **told})
        raise
    if as_json:
        echo_json({"run": folder.run, "ok": True, **msgspec.to_builtins(done)})
    else:
        _tell(folder.run, done)


def _replay(folder: RunFolder) -> Replayed:
    complete = folder.manifest.state == "complete"
    if not folder.log.exists():
        if complete:
            check_manifest(folder, Audit())
        raise UsageError(f"{folder.path} has no message in its log yet")
    cast = Cast(folder.population())
    with closing(LogTape(folder.log, folder.calls)) as tape:
        if complete:
            check_manifest(folder, tape.audit)
        return run_in_no_time(lambda: do_again(cast, tape))


def _tell(run: str, done: Replayed) -> None:
    unfinished = "" if done.complete else " (the run is unfinished)"
    click.echo(
        f"{safe_text(run)}: {done.messages:,} messages, replayed and equal{unfinished}"
    )
    click.echo(f"  acts   {done.acts:,} done again, byte-equal")
    click.echo(f"  calls  {done.calls:,} reused, none made")
    if done.memories:
        click.echo(f"  memory {done.memories:,} made again")
    click.echo(f"  steps  {done.steps:,} played again")
    if done.skipped:
        ends = ", ".join(f"{count:,} {name}" for name, count in done.skipped.items())
        click.echo(f"  not done again: {ends}")
