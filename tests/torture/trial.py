"""Trials: a fault, again and again, in as many runs as it takes."""

import random
import shutil
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
from redis.exceptions import ConnectionError

from hubbub.errors import BusError

from ..game import Game, Record
from ..kill import undisturbed
from ..paying import MIND, Shop, open_shop, replies
from ..sitting import sit
from .checker import check_run
from .faults import FAULTS, Fault
from .journals import keeping_journal
from .place import Place
from .planted import PLANTS
from .rig import Rig
from .shim import compile_shim
from .tally import Tally
from .watch import StandsStill

#: What is played, what where a fault is planted, and what where calls are paid for.
GAME = Game(rounds=12, seed=7)
SHORT = Game(rounds=5, seed=7)
PAID = Game(rounds=5, seed=7, mind=MIND)
#: Faults in one run.
PER_RUN = 10
#: How often a fault may be injected until what is planted must have shown.
TRIES = 8


def draw(group: str, seed: int) -> list[Fault]:
    """The faults of *group* as the quick set injects them, in an order of *seed*'s."""
    drawn = [f for f in FAULTS.values() if f.group == group for _ in range(f.quick)]
    random.Random(f"{group} {seed}").shuffle(drawn)
    return drawn


class Bench:
    """Where trials are held, below *base*."""

    def __init__(self, base: Path, shop: Shop) -> None:
        self._base = base
        self._shop = shop
        self._wanted: dict[Game, Record] = {}
        self._count = 0

    async def trial(self, name: str, faults: Sequence[Fault], seed: int) -> Tally:
        """Inject *faults*, in this order; what came of it."""
        tally = Tally(name, ", ".join(dict.fromkeys(f.holds for f in faults)), seed)
        rng = random.Random(f"{name} {seed}")
        while tally.injected < len(faults) and tally.good:
            due = faults[tally.injected : tally.injected + PER_RUN]
            await self._play(due, tally, rng)
        return tally

    async def control(self, name: str, seed: int) -> Tally:
        """Plant the fault called *name*; what came of what must show it."""
        fault = FAULTS[PLANTS[name].fault]
        tally = Tally(fault.name, fault.holds, seed)
        rng = random.Random(f"{name} {seed}")
        while tally.injected < TRIES and tally.good:
            await self._play([fault] * 2, tally, rng, name)
        return tally

    async def _play(
        self,
        faults: Sequence[Fault],
        tally: Tally,
        rng: random.Random,
        plant: str = "",
    ) -> None:
        """One run, with as many of *faults* as it lasts for."""
        game = PAID if faults[0].paid else SHORT if plant else GAME
        wanted = await self._undisturbed(game)
        self._count += 1
        place = Place(self._base / str(self._count), plant)
        place.prepare()
        self._shop.empty()
        rig = Rig(place, game, tally, rng)
        try:
            await self._torment(rig, faults)
        except* StandsStill:
            tally.wrong("stands still", "nothing comes any more")
        if tally.good:
            check_run(tally, place, wanted, rig.seen, rig.cut_off)
            self._check_bill(tally, place)
            await _redo(tally, place)
        if tally.good or plant:
            shutil.rmtree(place.base)
        else:
            self._keep(tally, place)

    async def _torment(self, rig: Rig, faults: Sequence[Fault]) -> None:
        with keeping_journal(rig.place.journals / "rig"):
            async with rig.running():
                try:
                    await self._inject(rig, faults)
                    await rig.finish()
                except StandsStill:
                    await rig.check_seen()
                    raise

    async def _inject(self, rig: Rig, faults: Sequence[Fault]) -> None:
        await rig.moving()
        for fault in faults:
            await anyio.sleep(rig.rng.uniform(0, 0.3))
            if rig.over.is_set() or not rig.tally.good:
                return
            rig.tally.injected += 1
            try:
                await fault.deed(rig)
            except (BusError, ConnectionError):
                # The run may have ended under it, and its server with it.
                if not (rig.over.is_set() or rig.complete):
                    raise
                return

    def _check_bill(self, tally: Tally, place: Place) -> None:
        counts = self._shop.counts()
        calls = len({call.call for call in replies(place.folder)})
        tally.again += counts.again
        tally.wrong(
            "paid twice", f"{counts.paid} for {calls}", abs(counts.paid - calls)
        )

    async def _undisturbed(self, game: Game) -> Record:
        if game not in self._wanted:
            self._wanted[game] = await undisturbed(game)
        return self._wanted[game]

    def _keep(self, tally: Tally, place: Place) -> None:
        kept = place.base.with_name(f"{self._base.name}-{place.base.name}.kept")
        kept = self._base.parent / kept.name
        shutil.move(place.base, kept)
        tally.told.append(f"kept in {kept}, {time.strftime('%H:%M:%S')}")


async def _redo(tally: Tally, place: Place) -> None:
    """The run is whole and is its record, as the commands say that users have."""

    async def do(command: str) -> None:
        code = await (await sit([command, str(place.folder)], place.folder)).watch()
        tally.expect(code == 0, command, f"ended with code {code}")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(do, "verify")
        tasks.start_soon(do, "replay")


@contextmanager
def open_bench() -> Generator[Bench]:
    """A bench, with a model server that counts beside it."""
    with TemporaryDirectory(prefix="torture-") as base:
        compile_shim(Path(base))
        with open_shop() as shop:
            yield Bench(Path(base), shop)
