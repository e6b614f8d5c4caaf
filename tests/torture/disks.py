"""What is done to disks, memory, power and clocks."""

from typing import Any

import anyio
from redis import asyncio as redis

from hubbub.bus import Voice
from hubbub.messages import Said

from .blows import kill_role, recover
from .crowd import ROOMS
from .rig import Rig

HOUR, DAY = 3600, 86_400
#: Bytes that a server of ours holds at most for somebody who does not read, and one page.
HELD = 72 << 20
LONG = "." * 500_000


# -- power and disks


async def power_all(rig: Rig) -> None:
    """The machine loses its power; the same command goes on."""
    slow(rig, rig.rng.choice([0.0, 0.05, 0.3]))
    await anyio.sleep(rig.rng.uniform(0, 0.5))
    victims = [rig.launcher.pid, *rig.pids("server"), *rig.pids("logger")]
    rig.rng.shuffle(victims)
    others = [*rig.pids("worker"), *rig.pids("conductor")]
    for pid in [*victims, *others]:
        await rig.kill(pid)
    await rig.launcher.wait()
    rig.cut_power(rig.place.folder)
    slow(rig, 0.0)
    if not rig.complete:
        await rig.launch()
        await rig.recover(rig.voice_of("worker"))


async def power_role(who: str, rig: Rig) -> None:
    """The machine of the server, or of the logger, loses its power and comes back."""
    slow(rig, rig.rng.choice([0.05, 0.3]), who)
    await anyio.sleep(rig.rng.uniform(0.1, 0.6))
    pid = await rig.pick(who)
    # Whoever starts it again must find the files as the power cut has left them.
    with rig.stopped(rig.launcher.pid):
        await rig.kill(pid)
        if who == "server":
            rig.cut_power(rig.place.folder / "server" / "appendonlydir")
        else:
            for name in ("log.jsonl", "calls.jsonl"):
                rig.cut_power(rig.place.folder / name)
        slow(rig, 0.0, who)
    await recover(rig, who)


def slow(rig: Rig, seconds: float, *who: str) -> None:
    """Every fsync takes *seconds* longer."""
    for role in who or ("server", "logger"):
        rig.knobs[role].slow_down(seconds)


async def slow_fsync(seconds: float, rig: Rig) -> None:
    """Disks are slow, and the server is killed meanwhile."""
    slow(rig, seconds)
    await anyio.sleep(rig.rng.uniform(0.1, 2 * seconds))
    await kill_role("server", rig)
    slow(rig, 0.0)


async def full_disk(who: str, rig: Rig) -> None:
    """There is no room on the disk of *who*, until there is again."""
    pid = await rig.pick(who)
    rig.knobs[who].fill(rig.rng.randrange(5000))
    await anyio.sleep(rig.rng.uniform(0.5, 2.0))
    rig.knobs[who].empty()
    await recover(rig, who)
    if who == "logger" and not rig.over.is_set():
        # A server that must not answer for more can only end; a logger waits.
        rig.tally.expect(pid in rig.pids(who), "died", "the logger of a full disk")


async def full_memory(rig: Rig) -> None:
    """``maxmemory`` is reached: the run says so and ends; there is room, it goes on."""
    async with client_of(rig) as client:
        used = (await client.info("memory"))["used_memory"]
        await client.config_set("maxmemory", used + rig.rng.randrange(1, 20_000))
    await rig.until(lambda: False)
    code = rig.launcher.returncode
    rig.tally.expect(code in (3, None), "ended", f"with {code} when memory was full")
    if not rig.complete:
        await rig.launch()
        await rig.recover(rig.voice_of("worker"))


def client_of(rig: Rig) -> Any:
    """A plain client, past all proxies."""
    plain: Any = redis.Redis
    return plain.from_url(rig.place.url("admin"), decode_responses=True)


# -- memory


async def deaf_reader(rig: Rig) -> None:
    """Somebody subscribes and never reads, while much is said: the server cuts it off."""
    bus = await rig.bus()
    voice = Voice(bus, "loud", (await bus.claim("loud", ["loud"]))["loud"])
    async with client_of(rig) as client, client_of(rig) as deaf:
        hearing = deaf.pubsub()
        await hearing.subscribe(f"hub:{{{bus.run}.0}}:room:{ROOMS[0]}")
        await hearing.connection.send_command("CLIENT", "SETNAME", "deaf")
        most, held = 0, [0]
        for _ in range(HELD * 4 // 3 // (8 * len(LONG))):
            await voice.say_all([(ROOMS[0], Said(text=LONG))] * 8, seen=0)
            known = await client.client_list()
            held = [int(c["omem"]) for c in known if c["name"] == "deaf"]
            most = max([most, *held])
    rig.tally.expect(not held, "memory", "a deaf client is never cut off")
    rig.tally.expect(most < HELD, "memory", f"{most:,} bytes for a deaf client")
    await recover(rig, "crowd")


# -- clocks


async def clock(who: tuple[str, ...], rig: Rig) -> None:
    """Clocks step an hour back, a day ahead, and are right again."""
    for step in (-HOUR, DAY, 0):
        for role in who:
            rig.knobs[role].step(step)
        skew = step if "server" in who else 0
        # What a phase begins and ends by must not be what a clock says.
        await rig.recover(lambda message: message.kind == "ask", skew=skew)
        await rig.recover(rig.voice_of("worker"), skew=skew)
