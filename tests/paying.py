"""
Kill workers in the middle of model calls, and see what a server was paid for.

    python -m tests.paying --kills 30 --seed 1

Whatever is on record must have been paid for once, and the run be replayed byte by byte.
Exits 1 when it was not.
"""

import os
import random
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import click
import httpx
import msgspec

from hubbub.ledger import read_records
from hubbub.models.base import Call

from .game import Game, Record, Report
from .kill import PER_RUN, shoot_roles, undisturbed
from .sitting import take_aim

MIND = ("--model", "openai/seller")


class Counts(msgspec.Struct):
    """What a server was *paid* for, and how often it was asked for the same *again*."""

    paid: int
    again: int


class Shop:
    """The server, seen from outside."""

    def __init__(self, url: str) -> None:
        self.url = url

    def counts(self) -> Counts:
        """What it has been asked since it was last emptied."""
        return msgspec.json.decode(httpx.get(f"{self.url}/counts").content, type=Counts)

    def empty(self) -> None:
        """Forget all."""
        httpx.delete(f"{self.url}/counts")


@contextmanager
def open_shop() -> Generator[Shop]:
    """A server in a process of its own, which the environment leads to."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.seller"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        # Our own, not the caller's: a killed run must find the same server again.
        os.environ |= {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "nobodys"}
        try:
            yield Shop(url)
        finally:
            del os.environ["OPENAI_BASE_URL"], os.environ["OPENAI_API_KEY"]
            process.kill()


@dataclass
class Bill:
    """What killing came to."""

    report: Report = field(default_factory=Report)
    recorded: int = 0
    paid: int = 0
    again: int = 0

    @property
    def good(self) -> bool:
        """Whether everything was paid for once and nothing was wrong."""
        return self.report.good and self.paid == self.recorded

    def line(self) -> str:
        """The bill on one line."""
        return (
            f"kills {self.report.kills}  runs {self.report.runs}  calls on record "
            f"{self.recorded:,}  paid {self.paid:,}  asked again with the same key "
            f"{self.again} (paid twice where keys are not honoured, at most)  "
            f"faults {len(self.report.faults)}"
        )


def replies(folder: Path) -> Iterator[Call]:
    """The calls of the run in *folder* that brought a reply."""
    for record in read_records(folder / "calls.jsonl"):
        call = msgspec.json.decode(record.call, type=Call)
        if call.reply is not None:
            yield call


async def trial(
    shop: Shop, kills: int, game: Game, wanted: Record, rng: random.Random
) -> Bill:
    """Play *game* until *kills* have hit workers, and look at the bill of every run."""
    bill = Bill()
    while bill.report.kills < kills and bill.good:
        count = min(PER_RUN, kills - bill.report.kills)
        aims = take_aim(rng, "worker", count, wanted.messages)
        with TemporaryDirectory(prefix="pay-") as base:
            folder = Path(base) / "run"
            shop.empty()
            await shoot_roles(bill.report, game, wanted, aims, folder)
            counts = shop.counts()
            bill.recorded += len({call.call for call in replies(folder)})
            bill.paid += counts.paid
            bill.again += counts.again
    return bill


@click.command()
@click.option("--kills", type=click.IntRange(1), default=30)
@click.option("--rounds", type=click.IntRange(1), default=20)
@click.option("--seed", type=int, default=1)
def main(kills: int, rounds: int, seed: int) -> None:
    """Kill workers so many times and print what was paid."""
    game = Game(rounds, seed, MIND)
    with open_shop() as shop:
        wanted = anyio.run(undisturbed, game)
        rng = random.Random(f"paying {seed}")
        bill = anyio.run(trial, shop, kills, game, wanted, rng)
    click.echo(bill.line())
    for fault in bill.report.faults:
        click.echo(f"  {fault}")
    sys.exit(not bill.good)


if __name__ == "__main__":
    main()
