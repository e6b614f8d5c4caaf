"""Cohorts of personas: ``cohort make``."""

from pathlib import Path

import click

from hubbub.cli.output import echo_json, told
from hubbub.cohort import as_json
from hubbub.errors import BadPopulation
from hubbub.groups import MAX_SEATS, MAX_SEED
from hubbub.personas import draw, read_spec
from hubbub.text import safe_text


@click.group()
def cohort() -> None:
    """Draw personas for seats, once, to be used over arms."""


@cohort.command()
@click.argument("spec", type=click.Path(path_type=Path), metavar="SPEC.toml")
@click.option(
    "--count",
    type=click.IntRange(1, MAX_SEATS),
    required=True,
    metavar="N",
    help="How many personas.",
)
@click.option(
    "--seed",
    type=click.IntRange(-MAX_SEED, MAX_SEED),
    default=0,
    metavar="S",
    help="What they are drawn from (default 0).",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default=Path("cohort.json"),
    metavar="FILE",
    help="Where they are kept (default cohort.json).",
)
@click.option("--json", "as_line", is_flag=True, help="A JSON line on stdout.")
def make(spec: Path, count: int, seed: int, out: Path, as_line: bool) -> None:
    """
    Draw personas from the weighted tables in SPEC.toml.

    A file that holds another cohort is not replaced.
    """
    tables, origin = read_spec(spec)
    drawn = draw(tables, count, seed, origin)
    data = as_json(drawn)
    if not out.exists():
        out.write_bytes(data)
    elif out.read_bytes() != data:
        raise BadPopulation(
            f"{told(out)} is there and is another one: choose another -o"
        )
    if as_line:
        echo_json({"file": told(out), "count": count, "sha256": drawn.sha256})
        return
    click.echo(f"{told(out)}: {count:,} personas, SHA-256 {drawn.sha256}")
    for persona in drawn.personas[:3]:
        click.echo(safe_text(persona.text))
