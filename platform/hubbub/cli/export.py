"""``hubbub export``."""

from pathlib import Path

import click
import msgspec

from hubbub.cli.look import find_folder
from hubbub.cli.output import echo_json, told
from hubbub.errors import UsageError
from hubbub.text import safe_text


@click.command()
@click.argument("run", default="")
@click.option(
    "--format",
    "formats",
    type=click.Choice(["parquet", "csv"]),
    multiple=True,
    default=("parquet",),
    show_default=True,
    help="Of the tables; may be repeated.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder to write to (default: tables in RUN).",
)
@click.option("--exposures", is_flag=True, help="Every message with all who heard it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def export(
    run: str, formats: tuple[str, ...], out: Path | None, exposures: bool, as_json: bool
) -> None:
    """
    Write RUN, or all runs of a study's folder, as tables and networks.

    A run that is unfinished is written as far as its log goes.
    """
    try:
        from hubbub.data import export as data
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{error.name} is not installed: pip install 'hubbub[data]'"
        ) from None
    path = Path(run)
    if not run or not (path / data.STUDY).exists():
        path = find_folder(run).path
    done = data.export(path, out, formats=formats, exposures=exposures)
    if as_json:
        built = msgspec.to_builtins(done.dictionary)
        rows = {name: table["rows"] for name, table in built.pop("tables").items()}
        echo_json({"out": told(done.out), **built, "rows": rows})
        return
    for name, table in done.dictionary.tables.items():
        click.echo(f"  {name:12}{table.rows:>13,} rows")
    if unfinished := done.dictionary.unfinished:
        names = ", ".join(unfinished)
        click.echo(f"unfinished, so far as the log goes: {safe_text(names)}")
    count = len(done.dictionary.files)
    click.echo(f"{count} files in {safe_text(told(done.out))}")
