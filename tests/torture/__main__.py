"""
Torture whole runs, and print for each fault what held and what did not.

    python -m tests.torture [--seed N] [--quick | --long] [FAULT ...]

Exits 1 when anything was violated, or a planted fault was not caught.
"""

import sys
from collections.abc import Sequence

import anyio
import click

from .faults import FAULTS, GROUPS, Fault
from .planted import PLANTS
from .tally import Tally
from .trial import Bench, draw, open_bench


@click.command()
@click.argument("faults", nargs=-1, type=click.Choice(sorted(FAULTS)))
@click.option("--seed", type=int, default=1)
@click.option("--quick/--long", default=True, help="Which set (default: quick).")
@click.option("--count", type=click.IntRange(1), help="Inject each FAULT so often.")
@click.option("--plant", type=click.Choice(sorted(PLANTS)), multiple=True)
def main(
    faults: Sequence[str],
    seed: int,
    quick: bool,
    count: int | None,
    plant: Sequence[str],
) -> None:
    """
    Torture whole runs with each FAULT, or plant a fault; without either, do all.

    The quick set injects faults in groups, the long set each fault alone.
    """
    good = True
    with open_bench() as bench:
        if quick and not faults and not plant:
            for group in GROUPS:
                good &= torture(bench, group, draw(group, seed), seed)
        names = list(faults) or ([] if quick or plant else list(FAULTS))
        for name in names:
            fault = FAULTS[name]
            times = count or (fault.quick or 1 if quick else fault.long)
            good &= torture(bench, name, [fault] * times, seed)
        for name in plant or ([] if faults else PLANTS):
            good &= control(bench, name, seed)
    sys.exit(not good)


def torture(bench: Bench, name: str, faults: Sequence[Fault], seed: int) -> bool:
    """Inject *faults* and print what came of it; whether all held."""
    tally = anyio.run(bench.trial, name, faults, seed)
    tell(tally.line(), tally)
    return tally.good


def control(bench: Bench, name: str, seed: int) -> bool:
    """See that the planted fault called *name* is caught, as what it is."""
    tally = anyio.run(bench.control, name, seed)
    caught = not PLANTS[name].shows.isdisjoint(tally.violations)
    tell(f"planted {name}: {'' if caught else 'NOT '}caught; {tally.line()}", tally)
    return caught


def tell(line: str, tally: Tally) -> None:
    """Print *line*, and below it the first of what was wrong."""
    click.echo(line)
    for words in tally.told:
        click.echo(f"    {words}")


if __name__ == "__main__":
    main()
