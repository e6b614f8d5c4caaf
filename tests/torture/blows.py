"""What is done to processes, to what they hear and to the ways between them."""

from contextlib import suppress

import anyio

from hubbub.bus import Voice
from hubbub.errors import Fenced
from hubbub.messages import Said
from hubbub.names import CONDUCTOR

from .crowd import ROOMS, TALKERS
from .place import module
from .proxy import LATENCY, is_post
from .rig import Rig

#: Seconds that a listener needs to go on where it was stopped.
AWAKE = 2.0
#: Who speaks to the server all the time.
SPEAKERS = ("worker", "conductor", "logger", "crowd")


# -- processes


async def recover(rig: Rig, who: str) -> None:
    """Wait until *who* is heard from, from now on."""
    if who == "logger":
        await rig.recover_log()
    else:
        await rig.recover(rig.voice_of(who))


async def kill_role(who: str, rig: Rig) -> None:
    """SIGKILL, at any instant."""
    pid, seats = await rig.pick(who), {CONDUCTOR}
    if who == "worker":
        pid, seats = await rig.host()
    await rig.kill(pid)
    if who == "logger":
        await rig.recover_log()
    elif who in ("worker", "conductor"):
        await rig.recover(rig.heir_of(seats))
    elif not await rig.recover(rig.voice_of(who)) and who == "crowd":
        # The run was over before there was another: it has not heard the end.
        rig.cut_off.add("ear")


async def stop_role(who: str, rig: Rig) -> None:
    """SIGSTOP, and SIGCONT before its lease has lapsed."""
    with rig.stopped(await rig.pick(who)):
        await anyio.sleep(rig.rng.uniform(0.1, 1.5))
    await recover(rig, who)


async def wake_worker(rig: Rig) -> None:
    """A worker sleeps until it is taken over, and wakes up."""
    pid, seats = await rig.host()
    await rig.until(lambda: len(rig.pids("worker")) > 1)
    with rig.stopped(pid):
        await rig.recover(rig.heir_of(seats))
        await anyio.sleep(rig.rng.uniform(0, 0.5))


async def rival_conductor(rig: Rig) -> None:
    """A second conductor takes over from a sleeping one, which wakes up."""
    bus = await rig.bus()
    rival = await rig.start(
        module("role", "conductor", "--run", bus.run), "conductor", "rival-words"
    )
    rig.leave(rival)
    await rig.until_lives(rival.pid)
    with rig.stopped(await rig.leader()):
        await rig.recover(rig.heir_of({CONDUCTOR}))
        await anyio.sleep(rig.rng.uniform(0, 0.5))


async def wake_crowd(rig: Rig) -> None:
    """Speakers sleep, others speak from their seats, and the speakers wake up."""
    bus = await rig.bus()
    pid = await rig.pick("crowd")
    await rig.until(lambda: any(m.sender in TALKERS for m in rig.seen[-500:]))
    with rig.stopped(pid):
        living = await bus.living()
        for holder in [h for h, role in living.items() if role.pid == pid]:
            await bus.rest(holder)
        claims = await bus.claim("usurper", TALKERS)
        for seat, claim in claims.items():
            # A claim of its own may have been on the way when it was stopped.
            with suppress(Fenced):
                voice = Voice(bus, seat, claim)
                await voice.say(ROOMS[0], Said(text="usurped"), seen=0)
        # It has no lease and no wish for one: the seats are anybody's again.
    await recover(rig, "crowd")


# -- the network


async def cut(how: str, rig: Rig) -> None:
    """Connections are cut before a request is sent, or after it, before the reply."""
    who = rig.rng.choice(SPEAKERS)
    proxy = rig.proxies[who]
    posts = who != "logger" and rig.rng.random() < 0.7
    due = is_post if posts else bool
    for _ in range(rig.rng.randint(2, 6)):
        with anyio.move_on_after(1):
            await proxy.cut_next("before" if how == "before" else "after", due)
        if how == "before" and rig.rng.random() < 0.3:
            proxy.cut_all()
    await recover(rig, who)


async def half_open(rig: Rig) -> None:
    """Nothing comes through and nothing is said of it; then it does, or is cut."""
    who = rig.rng.choice(SPEAKERS)
    proxy = rig.proxies[who]
    proxy.hold()
    await anyio.sleep(rig.rng.uniform(0.2, 2.0))
    if rig.rng.random() < 0.5:
        proxy.cut_all()
    proxy.release()
    await recover(rig, who)


async def black_hole(rig: Rig) -> None:
    """The connections there are say nothing any more, for good; new ones are well."""
    who = rig.rng.choice(("worker", "conductor", "logger"))
    rig.proxies[who].silence()
    await recover(rig, who)


async def delay(rig: Rig) -> None:
    """Everything takes 200 ms, each way."""
    for proxy in rig.proxies.values():
        proxy.delay = 0.2
    await anyio.sleep(rig.rng.uniform(1.0, 2.0))
    for proxy in rig.proxies.values():
        proxy.delay = LATENCY
    await recover(rig, rig.rng.choice(SPEAKERS))


async def drip(rig: Rig) -> None:
    """Bytes come one at a time."""
    proxy = rig.proxies[rig.rng.choice(SPEAKERS)]
    proxy.drips = True
    await anyio.sleep(rig.rng.uniform(0.5, 1.0))
    proxy.drips = False
    await recover(rig, "crowd")


# -- readers


async def stopped_reader(rig: Rig) -> None:
    """A listener is stopped; everybody else goes on, and it misses nothing."""
    bus, name = await rig.bus(), f"ear-{rig.tally.injected}"
    ear = await rig.start(
        module("crowd", bus.run, "--mute", "--ear", name), "reader", "ear-words"
    )
    rig.leave(ear)
    await anyio.sleep(rig.rng.uniform(0.5, 1.5))
    with rig.stopped(ear.pid):
        await recover(rig, "crowd")
        await anyio.sleep(rig.rng.uniform(0.5, 2.0))
        await recover(rig, "worker")
    heard, woken = rig.heard_by(name), anyio.current_time()
    await rig.until(lambda: rig.heard_by(name) > heard)
    if rig.over.is_set() and anyio.current_time() - woken < AWAKE:
        rig.cut_off.add(name)
