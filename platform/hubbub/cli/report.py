"""``hubbub report``."""

from pathlib import Path

import click

from hubbub.cli.look import find_folder
from hubbub.cli.output import echo_json, told
from hubbub.report.run import WINDOW, run_report
from hubbub.report.source import missing
from hubbub.report.write import write_page

#: Where study folders are made, and the file that makes a folder one.
_STUDIES, _STUDY = Path("studies"), "study.toml"


@click.command()
@click.argument("name", metavar="RUN|STUDY", default="")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where the page is written (default: report.html in the folder).",
)
@click.option(
    "--window",
    type=click.IntRange(2, 1_000),
    default=WINDOW,
    show_default=True,
    metavar="N",
    help="Rounds of a window, for a run.",
)
@click.option(
    "--embedder",
    default="",
    metavar="NAME",
    help="Compares what pairs said, by this embedder, such as local/minilm.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def report(
    name: str, out: Path | None, window: int, embedder: str, as_json: bool
) -> None:
    """
    Make one page of HTML of a RUN or a STUDY.

    Either is a folder or a name; by default it is the latest run.  The page has
    everything in it and needs no network.  The same run gives the same page.
    """
    if study := _study(name):
        folder, page = study, _study_report(study)
    else:
        run = find_folder(name)
        folder, page = run.path, run_report(run, window=window, embedder=embedder)
    path = out or folder / "report.html"
    write_page(path, page)
    if as_json:
        echo_json({"report": told(path), "bytes": path.stat().st_size})
    else:
        click.echo(told(path))


def _study(name: str) -> Path | None:
    """The study folder that *name* means, if it means one."""
    for path in (Path(name), _STUDIES / name):
        if name and (path / _STUDY).is_file():
            return path
    return None


def _study_report(path: Path) -> str:
    try:
        from hubbub.report.study import study_report
    except ModuleNotFoundError as error:
        raise missing(error) from error
    return study_report(path)
