"""``hubbub fork``."""

from pathlib import Path

import click

from hubbub.cli.look import find_folder
from hubbub.cli.made import runs
from hubbub.cli.needs import check_needs
from hubbub.cli.output import echo_json, told
from hubbub.cli.play import play, shared
from hubbub.cli.said import Said, saying
from hubbub.cli.spend import Spend, spending
from hubbub.console.tables import forked
from hubbub.folder import RunFolder, new_run_id, point_latest
from hubbub.fork import fork as make_fork
from hubbub.injections import Injection
from hubbub.population import Cast, read_injections
from hubbub.text import safe_text


@click.command()
@click.argument("run", default="")
@click.option(
    "--at",
    default="",
    metavar="WHEN",
    help="Where: seq:N, round:R or phase:NAME (default: before what is left out).",
)
@click.option(
    "--inject",
    "what",
    default="",
    metavar="MIND|FILE",
    help="What comes in there: a mind, with the options below, or a file of [[inject]] "
    "tables (.toml).",
)
@saying
@click.option(
    "--without",
    multiple=True,
    metavar="ID",
    help="The injection that is left out, or all. May be repeated.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="The fork's folder (default: a new one in runs/).",
)
@spending
@shared
def fork(
    run: str,
    at: str,
    what: str,
    said: Said,
    without: tuple[str, ...],
    out: Path | None,
    spend: Spend,
    url: str,
    workers: int,
    as_json: bool,
    verbose: bool,
) -> None:
    """
    Let RUN (a folder or an id; default: the latest) go on otherwise from one event.

    What was before is shared and not paid again.  The same command on the same --out
    goes on with an unfinished fork.
    """
    source = find_folder(run)
    cast = Cast(source.population())
    injected = _injections(what, said)
    models = {*source.models(), *(one.model for one in injected if one.model)}
    terms = spend.terms(models, source.manifest.terms)
    check_needs(cast, url, terms.cache, models, workers)
    id_ = new_run_id(source.manifest.scenario)
    folder = make_fork(
        source,
        at,
        injected=injected,
        without=without,
        out=out or runs() / id_,
        run=id_,
    )
    if out is None:
        point_latest(folder.path)
    _tell(folder, as_json)
    terms = spend.terms(models, folder.manifest.terms)
    play(
        folder, cast, terms, url=url, workers=workers, as_json=as_json, verbose=verbose
    )


def _injections(what: str, said: Said) -> tuple[Injection, ...]:
    if said.impair or said.chaos or (what and not what.endswith(".toml")):
        return (said.injection(what),)
    if said != Said():
        raise click.UsageError(
            "--inject names the mind that comes, and options are for that one"
        )
    return read_injections(Path(what)) if what else ()


def _tell(folder: RunFolder, as_json: bool) -> None:
    origin = folder.manifest.origin
    assert origin is not None
    if as_json:
        place = {"from": origin.run, "seq": origin.seq, "hash": origin.hash}
        event = {"event": "fork", "run": folder.run, "folder": told(folder.path)}
        echo_json(event | place)
    else:
        click.echo(safe_text(f"{folder.run}: {forked(origin)}"))
