"""Nobody speaks as another, from another time or past a number: every trick is refused."""

from collections.abc import AsyncGenerator
from typing import Any

import msgspec
import pytest
from redis import exceptions

from hubbub.bus import MemoryBus, Role, open_bus
from hubbub.bus.base import Bus
from hubbub.bus.server import Server
from hubbub.errors import BusError, UsageError
from hubbub.messages import Draft, Ended, Joined, Said

from .servers import KINDS, binary_of, connect, open_test_server

#: Ann's second message by her second host, which she has not sent yet.
HONEST = Draft(
    room="hall", sender="Ann", inc=2, no=2, seen=1, body=Said(text="I am Ann")
)

#: What is forged of it.
FORGERIES: dict[str, dict[str, Any]] = {
    "nobody": {"sender": ""},
    "a stranger": {"sender": "Eve", "inc": 1, "no": 1},
    "another seat": {"sender": "Bob", "inc": 2},
    "another seat's next host": {"sender": "Bob", "inc": 3, "no": 1},
    "the conductor": {"sender": "conductor", "inc": 1, "no": 1},
    "the operator": {"sender": "operator", "inc": 1, "no": 1},
    "another case": {"sender": "ANN"},
    "a space": {"sender": "Ann "},
    "a null byte": {"sender": "Ann\0"},
    "a line break": {"sender": 'Ann\n{"seq":1'},
    "a quote": {"sender": 'Ann","kind":"end'},
    "a glob as sender": {"sender": "A*"},
    "a class as sender": {"sender": "[A-Z]nn"},
    "a control byte": {"sender": "\x1b[2JAnn"},
    "look-alike letters": {"sender": "\u0410nn"},
    "an old host": {"inc": 1},
    "a host to come": {"inc": 3},
    "no host": {"inc": 0},
    "a negative host": {"inc": -2},
    "a huge host": {"inc": 2**53},
    "a host beyond words": {"inc": 10**4000},
    "a skipped number": {"no": 3},
    "number zero": {"no": 0},
    "a negative number": {"no": -1},
    "a huge number": {"no": 2**53},
    "a number beyond 64 bits": {"no": 2**64 + 2},
    "a number beyond words": {"no": 10**4000},
    "to have read nothing yet": {"seen": -1},
    "to have read beyond words": {"seen": 10**4000},
    "to have read past 2**53": {"seen": 2**53},
    "no room": {"room": ""},
    "every room": {"room": "*"},
    "a room of a class": {"room": "[a-z]all"},
    "one letter any": {"room": "hal?"},
    "two inboxes": {"room": "@@Bob"},
    "a room in a key": {"room": "hall}:log"},
    "a channel": {"room": "x room:hall"},
    "a room with a quote": {"room": 'hall","sender":"Bob'},
    "a room with a line break": {"room": "hall\r\nPUBLISH"},
    "a room with a null byte": {"room": "hall\0"},
    "a room too long": {"room": "h" * 65},
    "a room of another script": {"room": "\u202ellah"},
}


async def begin(bus: Bus) -> None:
    """Ann has said a word and has had a second host since; Bob has a host."""
    for holder, seats in (("w1", ["Ann", "Bob"]), ("w2", ["Ann"])):
        await bus.claim(holder, seats)
    await bus.post([msgspec.structs.replace(HONEST, no=1, seen=0)])


@pytest.fixture(params=["memory", *KINDS])
async def bus(request: pytest.FixtureRequest) -> AsyncGenerator[Bus]:
    """Every bus, as a worker comes to it."""
    if request.param == "memory":
        yield MemoryBus()
        return
    async with (
        open_test_server(binary_of(request.param)) as server,
        open_bus(server.urls["worker"], "forged") as bus,
    ):
        yield bus


async def test_no_forged_message_is_taken(bus: Bus) -> None:
    """Each alone, and with an honest one before it; Ann herself is heard after all."""
    await begin(bus)
    taken: list[str] = []
    for what, forged in FORGERIES.items():
        try:
            await bus.post([msgspec.structs.replace(HONEST, **forged)])
            taken.append(what)
        except (BusError, UsageError):
            continue
    await bus.post([HONEST])

    assert taken == []
    assert [(m.sender, m.no, m.inc) for m in await bus.read(0)] == [
        ("Ann", 1, 2),
        ("Ann", 2, 2),
    ]


async def test_a_number_that_was_used_says_nothing_new(bus: Bus) -> None:
    """Whatever comes with it, the log has what came first."""
    await begin(bus)
    other = {"body": Ended(steps=1)}, {"room": "@Bob"}, {"body": Joined(seats=("Ann",))}
    for forged in other:
        (receipt,) = await bus.post([msgspec.structs.replace(HONEST, no=1, **forged)])
        assert (receipt.seq, receipt.dup) == (1, True)

    assert [message.kind for message in await bus.read(0)] == ["say"]


async def test_a_taken_seat_is_not_to_be_had(bus: Bus) -> None:
    """As long as its holder lives, whoever asks, by whatever name."""
    await bus.beat("w1", Role(kind="worker", host="h", pid=1), 60)
    await bus.claim("w1", ["Ann"])

    for holder in ("w2", "W1", "*", "w1*", "", "w1\0", "0 0 0 w1"):
        assert await bus.claim(holder, ["Ann"]) == {}
    assert await bus.held() == {"Ann": "w1"}


# -- those who are to read, not to speak

RUN = "hub:{forged.0}:"
LOG, SEATS, META = (f"{RUN}{key}" for key in ("log", "seats", "meta"))
LINE = '{"seq":2,"room":"hall","n":2,"at":1,"sender":"Ann","no":2,"inc":2,"seen":1}'
POSTS = "return redis.call('XADD', KEYS[1], '2-0', 'm', ARGV[1])"
#: Ways to have words in the log, or others out of it, that are not the bus's.
TRICKS: list[tuple[object, ...]] = [
    ("XADD", LOG, "2-0", "m", LINE),
    ("XADD", LOG, "*", "m", LINE),
    ("XADD", LOG, "MAXLEN", "1", "*", "m", LINE),
    ("XADD", LOG, "MINID", "9", "*", "m", LINE),
    ("XADD", LOG, "NOMKSTREAM", "2-0", "m", LINE),
    ("XADD", LOG, "18446744073709551615-18446744073709551615", "m", LINE),
    ("XTRIM", LOG, "MAXLEN", "0"),
    ("XDEL", LOG, "1-0"),
    ("XSETID", LOG, "9007199254740993-0"),
    ("DEL", LOG),
    ("UNLINK", LOG),
    ("RENAME", LOG, f"{RUN}gone"),
    ("COPY", SEATS, LOG, "REPLACE"),
    ("RESTORE", LOG, "0", b"x", "REPLACE"),
    ("EXPIRE", LOG, "1"),
    ("SORT", SEATS, "STORE", LOG),
    ("EVAL", POSTS, "1", LOG, LINE),
    ("EVAL", POSTS.replace("KEYS[1]", f"'{LOG}'"), "0", LINE),
    ("EVAL", POSTS.replace("KEYS[1]", f"'{LOG}'"), "1", SEATS, LINE),
    ("EVALSHA", "0" * 40, "1", LOG),
    ("FCALL", "post", "1", LOG),
    ("FUNCTION", "LOAD", "#!lua name=x\nredis.register_function('x', function() end)"),
    ("SCRIPT", "FLUSH"),
    ("PUBLISH", f"{RUN}room:hall", LINE),
    ("SPUBLISH", f"{RUN}room:hall", LINE),
    ("PSUBSCRIBE", "*"),
    ("PSUBSCRIBE", f"{RUN}*"),
    ("HINCRBY", META, "seq", "9007199254740993"),
    ("HDEL", META, "seq"),
    ("HDEL", SEATS, "Ann"),
    ("HINCRBY", f"{RUN}rooms", "hall", "7"),
    ("SET", META, "x"),
    ("FLUSHALL",),
    ("CONFIG", "SET", "appendonly", "no"),
    ("ACL", "SETUSER", "console", "+@all", "~*"),
    ("CLIENT", "KILL", "TYPE", "normal"),
    ("MULTI",),
]


@pytest.fixture(params=KINDS)
async def server(request: pytest.FixtureRequest) -> AsyncGenerator[Server]:
    """Both servers, with a run in which Ann has said a word."""
    async with open_test_server(binary_of(request.param)) as server:
        async with open_bus(server.urls["worker"], "forged") as bus:
            await begin(bus)
        yield server


async def test_who_is_to_read_cannot_speak(server: Server) -> None:
    """Not with any command or script; the log and the run's facts stay as they are."""
    async with connect(server.url) as admin:
        before = [await admin.dump(key) for key in (LOG, META)]
        let: list[tuple[str, object]] = []
        for role in ("console", "health", "logger"):
            async with connect(server.urls[role]) as client:
                for trick in TRICKS:
                    try:
                        await client.execute_command(*trick)
                        let.append((role, trick))
                    except exceptions.ResponseError:
                        continue

        assert let == []
        assert [await admin.dump(key) for key in (LOG, META)] == before
