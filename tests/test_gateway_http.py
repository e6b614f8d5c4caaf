"""Whatever is sent to the gateway, it answers in JSON or parts, soon, and goes on."""

import json
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import anyio
import pytest

from hubbub.gateway.api import WAITING
from hubbub.gateway.http import Limits, Request
from hubbub.gateway.tokens import BURST
from hubbub.gateway.wire import STATUS, unread

from .leaping import in_no_time
from .pipes import Door, Step, exchange, serving
from .visiting import NAME, Guest, guests, visiting

READS = ("/v1/me", "/v1/events", "/v1/ask")
WRITES = ("/v1/answer", "/v1/say", "/v1/leave", "/v1/pass")
PATHS = (*READS, *WRITES)
#: How a request begins, and one that has a body.
GET = b"GET /v1/me HTTP/1.1\r\nHost: gate:80\r\n"
POST = b"POST /v1/say HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

each_path = pytest.mark.parametrize("path", PATHS)
each_write = pytest.mark.parametrize("path", WRITES)


def right(path: str, ask: str = "3/Ann") -> dict[str, Any]:
    """A body that *path* takes."""
    match path:
        case "/v1/answer":
            return {"ask": ask, "attempt": 1, "answer": {"value": 4}}
        case "/v1/say" | "/v1/leave":
            return {"ask": ask, "attempt": 1, "text": "hello"}
        case _:
            return {"ask": ask, "attempt": 1}


class Stranger:
    """Somebody who sends whatever comes to mind, as *guest* or as nobody."""

    def __init__(self, guest: Guest, token: str) -> None:
        self._guest = guest
        self._token = token

    async def send(
        self, path: str, body: object = None, *, method: str = "", **headers: str
    ) -> tuple[int, dict[str, Any], Mapping[str, str]]:
        """Status, words and headers of the answer."""
        path, _, query = path.partition("?")
        known = {
            "host": NAME,
            "authorization": f"Bearer {self._token}",
            "content-type": "application/json",
        }
        response = await self._guest.gate.api.handle(
            Request(
                method=method or ("POST" if path in WRITES else "GET"),
                path=path,
                query=dict(parse_qsl(query, keep_blank_values=True)),
                headers={
                    **known,
                    **{k.replace("_", "-"): v for k, v in headers.items()},
                },
                body=body if isinstance(body, bytes) else json.dumps(body).encode(),
            )
        )
        told = json.loads(response.body)
        assert response.status == STATUS.get(told.get("error"), 200)
        return response.status, told, response.headers


@asynccontextmanager
async def asked() -> AsyncGenerator[Stranger]:
    """Ann's client, when she has been asked."""
    async with visiting() as (visit, gate):
        ann, _ = guests(visit, gate)
        await ann.asked()
        yield Stranger(ann, visit.tokens["Ann"])


# -- who one is


@each_path
@in_no_time
async def test_without_a_seats_token_nothing_is_told(path: str) -> None:
    """None, another's name on it, half of one, one of another run, in another way."""
    async with asked() as ann:
        status, mine, _ = await ann.send(path, right(path))
        assert (status, mine.get("error")) != (401, "no_token")
        token = ann._token  # pyright: ignore[reportPrivateUsage]
        for wrong in (
            "",
            "Bearer",
            "Bearer ",
            f"Basic {token}",
            f"Bearer {token}x",
            f"Bearer {token[:-1]}",
            f"Bearer {token.replace('Ann', 'Bob')}",
            f"Bearer {token.replace('Ann', 'nobody')}",
            "Bearer Ann.",
            "Bearer \udc80.\xff",
            f"Bearer {token}, Bearer {token}",
            "Bearer " + "A" * 9999,
        ):
            status, told, headers = await ann.send(
                path, right(path), authorization=wrong
            )
            assert (status, told["error"]) == (401, "no_token"), wrong
            assert headers["www-authenticate"] == "Bearer"
            assert token not in str(told)


@each_write
@in_no_time
async def test_nobody_answers_for_another_seat(path: str) -> None:
    """Whatever the body says: who speaks is whose token it is."""
    async with visiting() as (visit, gate):
        ann, bob = guests(visit, gate)
        await ann.asked()
        await bob.asked()
        status, told, _ = await Stranger(bob, visit.tokens["Bob"]).send(
            path, right(path, "3/Ann")
        )

        assert (status, told["error"]) == (409, "not_open")
        assert (await ann.asked())["ask"] == "3/Ann"


@in_no_time
async def test_a_token_that_was_replaced_is_void() -> None:
    """Within a second, on every gateway."""
    async with visiting() as (visit, gate):
        ann, _ = guests(visit, gate)
        await ann.asked()
        old = Stranger(ann, visit.tokens["Ann"])
        assert (await old.send("/v1/me"))[0] == 200
        await visit.bus.note(**{"token.Ann": "0" * 64})
        await anyio.sleep(1)

        assert (await old.send("/v1/me"))[0] == 401


@each_path
@in_no_time
async def test_by_another_name_nothing_is_told(path: str) -> None:
    """A page of a browser that has been told a wrong address is turned away."""
    async with asked() as ann:
        for host in (
            "",
            "evil.example",
            "gate",
            "gate:81",
            f"{NAME}.evil",
            "gate:80, x",
        ):
            status, told, _ = await ann.send(path, right(path), host=host)
            assert (status, told["error"]) == (421, "bad_host")


# -- what is asked


@each_path
@in_no_time
async def test_another_method_is_refused(path: str) -> None:
    """And it is told which one there is; nobody is asked about other origins."""
    async with asked() as ann:
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "HEAD"):
            status, told, headers = await ann.send(path, right(path), method=method)
            assert (status, told["error"]) == (405, "bad_method")
            assert headers["allow"] == ("POST" if path in WRITES else "GET")
            assert not [name for name in headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/v1",
        "/v1/",
        "/v1/me/",
        "//v1/me",
        "/v1/../v1/me",
        "/v1/%6de",
        "/v1/me;x",
        "/v2/me",
        "/V1/ME",
        "/v1/me\x00",
        "/../../etc/passwd",
        "http://gate:80/v1/me",
        "*",
    ],
)
@in_no_time
async def test_there_are_no_other_paths(path: str) -> None:
    """No two ways lead to one place."""
    async with asked() as ann:
        status, told, _ = await ann.send(path)

    assert (status, told["error"]) == (404, "not_found")


@pytest.mark.parametrize(
    "query",
    [
        "x=1",
        "after=",
        "after=-1",
        "after=1.5",
        "after=1e3",
        "after=0x1",
        "after=٣",
        "after=" + "9" * 5000,
        "after=9007199254740993",
        "limit=501",
        "wait=31",
        "wait=NaN",
        "wait=true",
    ],
)
@in_no_time
async def test_only_whole_numbers_in_their_bounds_are_asked_with(query: str) -> None:
    """The others are refused and do not become something else."""
    async with asked() as ann:
        status, told, _ = await ann.send(f"/v1/events?{query}")

    assert (status, told["error"]) == (400, "bad_request")


@each_write
@in_no_time
async def test_what_is_no_body_of_its_kind_is_refused(path: str) -> None:
    """It is said where it is wrong, and the ask is as open as before."""
    own = right(path)
    wrong: list[object] = [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"ask":',
        b"\xff\xfe",
        b'{"ask": "3/Ann", "attempt": 1, "x": "\\ud800"}',
        b'{"ask": "\xed\xa0\x80"}',
        b'{"ask": "3/Ann", "answer": {"value": "\\ud800"}}',
        b"[" * 100_000,
        b'{"ask":' * 30_000,
        b'{"answer":' + b"[" * 60_000 + b"]" * 60_000 + b"}",
        b'{"attempt":' + b"9" * 5000 + b"}",
        b"NaN",
        own | {"ask": None},
        own | {"ask": 3},
        own | {"ask": ["3/Ann"]},
        own | {"ask": "3" * 201},
        own | {"attempt": "1"},
        own | {"attempt": 0},
        own | {"attempt": -1},
        own | {"attempt": 1.5},
        own | {"attempt": True},
        own | {"attempt": 2**63},
        own | {"seat": "Bob"},
        own | {"sender": "conductor"},
        {},
    ]
    async with asked() as ann:
        for body in wrong:
            await anyio.sleep(1)
            status, told, _ = await ann.send(path, body)
            assert (status, told["error"]) == (400, "bad_request"), body
        assert (await ann.send("/v1/ask"))[1]["ask"]["attempt"] == 1


@each_write
@in_no_time
async def test_only_json_is_taken(path: str) -> None:
    """A form, which any page of a browser may send, is none."""
    async with asked() as ann:
        for kind in ("", "text/plain", "application/x-www-form-urlencoded", "json"):
            status, told, _ = await ann.send(path, right(path), content_type=kind)
            assert (status, told["error"]) == (415, "bad_type")


@each_write
@in_no_time
async def test_what_is_not_asked_is_not_answered(path: str) -> None:
    """An ask that was, that will be, or that nobody makes; another attempt."""
    async with asked() as ann:
        for ask in ("", "3", "3/", "2/Ann", "4/Ann", "3/Bob", "@Ann", "3/Ann/1", "*"):
            status, told, _ = await ann.send(path, right(path, ask))
            assert (status, told["error"]) == (409, "not_open")
        status, told, _ = await ann.send(path, right(path) | {"attempt": 2})
        assert (status, told["error"]) == (409, "not_open")


@pytest.mark.parametrize(
    "answer",
    [
        b"1e400",
        b"9" * 5000,
        b'{"value": 1e999}',
        b'{"value": ' + b"9" * 5000 + b"}",
        b'{"value": "4"}',
        b'{"value": 4, "value2": 1}',
        b'{"value": true}',
        b'{"value": null}',
        b'"' + b"x" * 70_000 + b'"',
        b'{"value": {"value": {"value": 4}}}',
    ],
    ids=lambda answer: answer[:20].decode(),
)
@in_no_time
async def test_a_hostile_answer_is_unfit(answer: bytes) -> None:
    """It reaches the record as it came, and is asked for again."""
    async with asked() as ann:
        body = b'{"ask": "3/Ann", "answer": ' + answer + b"}"
        status, told, _ = await ann.send("/v1/answer", body)

        assert (status, told["error"], told["attempt"]) == (422, "unfit", 2)


# -- how often, how much, how slowly


@in_no_time
async def test_too_many_requests_of_a_seat_wait() -> None:
    """And nobody else's."""
    async with visiting() as (visit, gate):
        ann, bob = guests(visit, gate)
        await ann.asked()
        hasty = Stranger(ann, visit.tokens["Ann"])
        told = [await hasty.send("/v1/me") for _ in range(int(2 * BURST))]

        assert told[0][0] == 200
        assert (told[-1][0], told[-1][1]["error"]) == (429, "slow_down")
        assert told[-1][2]["retry-after"] == "1"
        assert (await Stranger(bob, visit.tokens["Bob"]).send("/v1/me"))[0] == 200


@in_no_time
async def test_too_many_requests_that_wait_are_refused() -> None:
    """Each holds a place for as long as it waits."""
    told: list[int] = []
    async with asked() as ann:
        heard = (await ann.send("/v1/ask"))[1]["ask"]["heard"]

        async def wait() -> None:
            told.append((await ann.send(f"/v1/events?after={heard}&wait=30"))[0])

        async with anyio.create_task_group() as tasks:
            for _ in range(WAITING + 4):
                tasks.start_soon(wait)

    assert told == [429] * 4 + [200] * WAITING


@asynccontextmanager
async def at_the_door(**limits: float) -> AsyncGenerator[tuple[Door, bytes]]:
    """A door, and a request head of Ann's without its first line and its end."""
    async with visiting() as (visit, gate):
        ann, _ = guests(visit, gate)
        await ann.asked()
        bounds = Limits(**limits)  # type: ignore[arg-type]
        async with serving(gate.api.handle, unread, bounds) as door:
            token = visit.tokens["Ann"]
            yield door, (f"Host: {NAME}\r\nAuthorization: Bearer {token}\r\n").encode()


def statuses(said: bytes) -> list[int]:
    """The statuses of the responses in *said*."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+)", said)]


@in_no_time
async def test_requests_on_one_connection_are_answered_in_order() -> None:
    """Also where all of them come at once, or byte by byte."""
    async with at_the_door() as (door, head):
        first = b"GET /v1/me HTTP/1.1\r\n" + head + b"\r\n"
        second = b"GET /v1/nothing HTTP/1.1\r\n" + head + b"\r\n"
        said = await exchange(door, first + second + first)
        bits = [first[i : i + 1] for i in range(len(first))]
        slow = await exchange(door, *bits)

    assert said.count(b'"seat":"Ann"') == 2
    assert said.index(b'"seat"') < said.index(b"not_found") < said.rindex(b'"seat"')
    assert statuses(slow) == [200]


#: What is no request, and the status that says so.
BROKEN = {
    "tls": (b"\x16\x03\x01\x02\x00\x01\x00", 400),
    "words": (b"nonsense\r\n\r\n", 400),
    "version": (b"GET /v1/me HTTP/9.9\r\n\r\n", 421),
    "no host": (b"GET /v1/me HTTP/1.1\r\n\r\n", 400),
    "two hosts": (GET + b"Host: evil\r\n\r\n", 400),
    "control": (b"GET /v1/me\x01 HTTP/1.1\r\nHost: gate:80\r\n\r\n", 400),
    "folded": (GET + b"A: b\r\n c\r\n\r\n", 401),
    "header": (GET + b"A b\r\n\r\n", 400),
    "long header": (GET + b"X: " + b"x" * 20_000, 431),
    "long line": (b"GET /" + b"x" * 20_000, 431),
    "many fields": (
        b"GET /v1/me?" + b"a=1&" * 50 + b" HTTP/1.1\r\nHost: gate:80\r\n\r\n",
        400,
    ),
    "negative": (POST + b"Content-Length: -1\r\n\r\n", 400),
    "float": (POST + b"Content-Length: 1e9\r\n\r\n", 400),
    "large": (POST + b"Content-Length: 999999\r\n\r\n", 413),
    "huge": (POST + b"Content-Length: " + b"9" * 19 + b"\r\n\r\n", 413),
    "two lengths": (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400),
    "large in chunks": (CHUNKED + (b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n") * 3, 413),
    "no chunk": (CHUNKED + b"zz\r\n", 400),
    "coded": (POST + b"Transfer-Encoding: gzip\r\n\r\n", 400),
}


@pytest.mark.parametrize("what", BROKEN)
@in_no_time
async def test_what_is_no_request_is_told_so(what: str) -> None:
    """And the connection is closed; the next one is served."""
    sent, status = BROKEN[what]
    async with at_the_door() as (door, head):
        said = await exchange(door, sent)
        after = await exchange(door, b"GET /v1/me HTTP/1.1\r\n" + head + b"\r\n")

    assert statuses(said) == [status]
    assert statuses(after) == [200]


@pytest.mark.parametrize("body", [False, True])
@in_no_time
async def test_whoever_dribbles_is_told_to_go(body: bool) -> None:
    """A byte a second, of a head or of a body: after ten seconds that is enough."""
    async with at_the_door() as (door, head):
        start = b"POST /v1/say HTTP/1.1\r\n" + head
        start += b"Content-Length: 999\r\n\r\n" if body else b"X: "
        began = anyio.current_time()
        dribble: list[Step] = [b"x", 1.0] * 100
        said = await exchange(door, start, *dribble)
        took = anyio.current_time() - began

    assert statuses(said) == [408]
    assert took < 12


@in_no_time
async def test_a_connection_that_says_nothing_is_closed() -> None:
    """New or used, after a while; whoever is over the limit, at once."""
    async with at_the_door(connections=2) as (door, head):
        began = anyio.current_time()
        assert await exchange(door, end=False) == b""
        used = b"GET /v1/me HTTP/1.1\r\n" + head + b"\r\n"
        assert statuses(await exchange(door, used, end=False)) == [200]
        assert 25 < anyio.current_time() - began < 35
        idle = [door.open() for _ in range(2)]
        await anyio.sleep(1)
        began = anyio.current_time()
        assert await exchange(door, used, end=False) == b""
        assert anyio.current_time() - began < 1
        for pipe in idle:
            await pipe.aclose()


@in_no_time
async def test_a_client_that_does_not_read_is_left() -> None:
    """Its answer has some seconds to leave."""
    async with at_the_door(connections=1, leave=2.0) as (door, head):
        request = b"GET /v1/me HTTP/1.1\r\n" + head + b"\r\n"
        deaf = door.open()
        await deaf.send(request * 1100)
        await anyio.sleep(30)
        said = await exchange(door, request)
        await deaf.aclose()

    assert statuses(said) == [200]


@in_no_time
async def test_a_client_that_asks_first_is_told_to_go_on() -> None:
    """As curl does before a longer body; and before one that is too long, no."""
    async with at_the_door() as (door, head):
        start = b"POST /v1/pass HTTP/1.1\r\n" + head
        start += b"Content-Type: application/json\r\nExpect: 100-continue\r\n"
        body = b'{"ask":"3/Ann"}'
        fits = start + b"Content-Length: %d\r\n\r\n" % len(body)
        said = await exchange(door, fits, 1.0, body)
        long = await exchange(door, start + b"Content-Length: 500000\r\n\r\n")

    assert said.startswith(b"HTTP/1.1 100")
    assert statuses(said)[-1] == 200
    assert statuses(long) == [413]


@in_no_time
async def test_what_is_told_is_inert_json() -> None:
    """No page, no script, nothing that is kept."""
    async with at_the_door() as (door, head):
        said = await exchange(door, b"GET /v1/ask HTTP/1.1\r\n" + head + b"\r\n")
        headers = said.partition(b"\r\n\r\n")[0].lower()

    assert b"content-type: application/json" in headers
    assert b"x-content-type-options: nosniff" in headers
    assert b"cache-control: no-store" in headers
    assert b"server:" not in headers


# -- what is written about it


def test_the_page_has_every_path_and_every_error() -> None:
    """No more than there are, and each error with its status."""
    page = (Path(__file__).parents[1] / "docs" / "gateway.md").read_text()
    errors = re.findall(r"^\| `(\w+)` \| (\d+) \|", page, re.MULTILINE)
    paths = re.findall(r"^\| `(?:GET|POST) ([\w/]+)", page, re.MULTILINE)

    assert {code: int(status) for code, status in errors} == STATUS
    assert sorted(paths) == sorted(PATHS)
