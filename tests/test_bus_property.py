"""Whatever is posted and claimed, in whatever order: the log is whole, on every bus."""

from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubbub.bus import Bus, MemoryBus, Receipt, Role, open_bus
from hubbub.errors import BusError, BusRefused, Fenced, RunOver
from hubbub.messages import Draft, Ended, Said

from .bus_talk import whole
from .servers import running_server

SEATS = ["ann", "bob", "eve"]
HOLDERS = ["one", "two"]
WORKER = Role(kind="worker", host="here", pid=1)


@dataclass(frozen=True)
class Attempt:
    """A draft, its incarnation and number given as distances from the right ones."""

    sender: str
    room: str
    inc: int
    no: int
    end: bool


@dataclass(frozen=True)
class Post:
    """One call."""

    attempts: list[Attempt]


@dataclass(frozen=True)
class Host:
    """A holder's deed: claim, release, beat or rest."""

    deed: str
    holder: str
    seats: list[str]


def near(right: int, *others: int) -> st.SearchStrategy[int]:
    """Mostly *right*."""
    return st.sampled_from([right] * 6 + [*others])


ATTEMPTS = st.builds(
    Attempt,
    sender=st.sampled_from(SEATS),
    room=st.sampled_from(["hall", "@ann", "@conductor"]),
    inc=near(0, -1, 1),
    no=near(0, -3, -1, 1),
    end=st.sampled_from([False] * 30 + [True]),
)
DEEDS = st.one_of(
    st.builds(Post, attempts=st.lists(ATTEMPTS, max_size=8)),
    st.builds(
        Host,
        deed=st.sampled_from(["claim", "claim", "release", "beat", "rest"]),
        holder=st.sampled_from(HOLDERS),
        seats=st.lists(st.sampled_from(SEATS), unique=True, min_size=1),
    ),
)


@dataclass
class Model:
    """What the contract says a bus must do, in as few words as possible."""

    incs: Counter[str] = field(default_factory=Counter[str])
    holders: dict[str, str] = field(default_factory=dict[str, str])
    alive: set[str] = field(default_factory=set[str])
    #: Who said it with which number, where, by place in the run.
    log: list[tuple[str, int, str]] = field(default_factory=list[tuple[str, int, str]])
    ended: bool = False

    def last(self, seat: str) -> int:
        """The last number of *seat*."""
        return sum(sender == seat for sender, _, _ in self.log)

    def judge(self, draft: Draft) -> type[BusError] | tuple[int, bool]:
        """What is to come of *draft*: a refusal, or its place and whether it is old."""
        known = (draft.sender, draft.no)
        if draft.inc < 1 or draft.inc != self.incs[draft.sender]:
            return Fenced
        places = [i for i, entry in enumerate(self.log, 1) if entry[:2] == known]
        if places:
            return places[0], True
        if self.ended:
            return RunOver
        if draft.no != self.last(draft.sender) + 1:
            return BusRefused
        self.log.append((*known, draft.room))
        self.ended = isinstance(draft.body, Ended)
        return len(self.log), False

    def claim(self, holder: str, seats: list[str]) -> dict[str, tuple[int, int]]:
        """Which of *seats* go to *holder*, with incarnation and last number."""
        rivals = self.alive - {holder}
        free = [seat for seat in seats if self.holders.get(seat) not in rivals]
        self.incs.update(free)
        self.holders.update(dict.fromkeys(free, holder))
        return {seat: (self.incs[seat], self.last(seat)) for seat in free}


async def post(bus: Bus, model: Model, post: Post) -> None:
    """Post to both, and compare."""
    coming = Counter({seat: model.last(seat) for seat in SEATS})
    drafts: list[Draft] = []
    for a in post.attempts:
        coming[a.sender] += 1
        draft = Draft(
            room=a.room,
            sender=a.sender,
            inc=max(1, model.incs[a.sender] + a.inc),
            no=max(1, coming[a.sender] + a.no),
            seen=0,
            body=Ended(steps=1) if a.end else Said(text=""),
        )
        drafts.append(draft)
    due = [model.judge(draft) for draft in drafts]
    refusals = [verdict for verdict in due if isinstance(verdict, type)]
    if refusals:
        with pytest.raises(BusError) as caught:
            await bus.post(drafts)
        assert caught.type is refusals[0]
    else:
        receipts = await bus.post(drafts)
        assert [(r.seq, r.dup) for r in receipts] == due
        await check_receipts(bus, receipts)


async def check_receipts(bus: Bus, receipts: list[Receipt]) -> None:
    """Each is a line's."""
    log = await whole(bus)
    for receipt in receipts:
        message = log[receipt.seq - 1]
        assert (message.n, message.at) == (receipt.n, receipt.at)


async def host(bus: Bus, model: Model, host: Host) -> None:
    """Do the deed to both, and compare."""
    match host.deed:
        case "claim":
            claims = await bus.claim(host.holder, host.seats)
            assert {seat: (c.inc, c.no) for seat, c in claims.items()} == (
                model.claim(host.holder, host.seats)
            )
        case "release":
            await bus.release(host.holder, host.seats)
            for seat in host.seats:
                if model.holders.get(seat) == host.holder:
                    model.holders[seat] = ""
        case "beat":
            await bus.beat(host.holder, WORKER, 600)
            model.alive.add(host.holder)
        case _:
            await bus.rest(host.holder)
            model.alive.discard(host.holder)


async def play(bus: Bus, deeds: list[Post | Host]) -> None:
    """Do all *deeds*; what the bus then is must be what the model is."""
    model = Model()
    await host(bus, model, Host("claim", "one", ["ann", "bob"]))
    for deed in deeds:
        if isinstance(deed, Post):
            await post(bus, model, deed)
        else:
            await host(bus, model, deed)
    assert [(m.sender, m.no, m.room) for m in await whole(bus)] == model.log
    assert await bus.held() == model.holders
    assert set(await bus.living()) == model.alive


@given(st.lists(DEEDS, min_size=5, max_size=40))
@settings(max_examples=150, deadline=None)
async def test_memory_is_what_the_contract_says(deeds: list[Post | Host]) -> None:
    """Each post and claim has the one outcome that it must have."""
    await play(MemoryBus(), deeds)


_runs = count(1)


@pytest.fixture
async def url() -> AsyncGenerator[str]:
    """A server for all examples; each has a run of its own."""
    async with running_server() as url:
        yield url


@given(deeds=st.lists(DEEDS, min_size=5, max_size=40))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_the_script_is_what_the_contract_says(
    url: str, deeds: list[Post | Host]
) -> None:
    """So it agrees with memory in everything."""
    async with open_bus(url, f"run-{next(_runs)}") as bus:
        await play(bus, deeds)
