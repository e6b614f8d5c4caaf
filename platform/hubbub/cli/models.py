"""``hubbub models``: which models answer, and what they cost."""

import os
from pathlib import Path

import anyio
import click
import msgspec

from hubbub.cli.output import echo_json
from hubbub.console.calls import money
from hubbub.measures.embed import NAME as MINILM
from hubbub.measures.embed import fetch_minilm
from hubbub.models.catalogue import probe
from hubbub.models.local import fetch
from hubbub.models.prices import find_prices
from hubbub.terms import Price
from hubbub.text import safe_text


@click.group(invoke_without_command=True)
@click.option(
    "--prices",
    envvar="HUBBUB_PRICES",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Prices of models (TOML), over those that Hubbub knows.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON lines on stdout.")
@click.pass_context
def models(ctx: click.Context, prices: Path | None, as_json: bool) -> None:
    """List the models that answer here, with US dollars for a million tokens."""
    if ctx.invoked_subcommand is not None:
        return
    for found in anyio.run(probe, os.environ):
        names = [f"{found.provider}/{name}" for name in found.models]
        known = find_prices(names, prices)
        if as_json:
            prices_of = {name: known.get(name) for name in names}
            echo_json({**msgspec.to_builtins(found), "prices": prices_of})
        elif found.error:
            click.echo(safe_text(f"{found.provider}: {found.error}"))
        else:
            for name in names:
                click.echo(safe_text(f"{name:40}  {_price(known.get(name))}"))


def _price(price: Price | None) -> str:
    if price is None:
        return "no known price"
    if not (price.input or price.output):
        return "free"
    return f"{money(price.input)} in, {money(price.output)} out a million tokens"


@models.command("fetch")
@click.argument("name")
def fetch_model(name: str) -> None:
    """Fetch the weights of the local model NAME: smollm2-135m, or minilm to embed."""
    name = name.removeprefix("local/")
    if name == MINILM:
        weights, _ = fetch_minilm(os.environ)
    else:
        weights = fetch(name, os.environ)
    click.echo(f"{weights}")
