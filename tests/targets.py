"""Everything that reads what others wrote, with something for it to read."""

import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import anyio
import anyio.abc
import msgspec
from anyio.abc import ByteStream, Listener

from hubbub.cli.dotenv import read_dotenv
from hubbub.cohort import Persona, as_json, read_cohort, seal
from hubbub.dilemmas import Contribute
from hubbub.errors import LogDamaged, ModelError, NotARun, UsageError
from hubbub.folder import RunFolder, make_folder
from hubbub.gateway import http
from hubbub.gateway.asks import Answer
from hubbub.gateway.wire import Pass, Words, unread
from hubbub.ledger import read_records
from hubbub.log import GENESIS, Audit, chain, read_log, with_hash
from hubbub.messages import Called, Draft, decode_line, encode_body, encode_line
from hubbub.mind import answer_type
from hubbub.models import wire, wire_anthropic
from hubbub.models.base import Call, Reply
from hubbub.models.cache import Replies
from hubbub.models.complaints import read_complaint
from hubbub.models.embeddings import decode_points
from hubbub.models.prices import read_prices
from hubbub.models.spoken import spoken
from hubbub.personas import draw, read_spec
from hubbub.population import Group, Population, read_population
from hubbub.questions import Interview, Speech
from hubbub.reading import read_json, read_words
from hubbub.secrets import DOTENV
from hubbub.study.file import read_study
from hubbub.text import escape_json, safe_text, visible, without_surrogates
from hubbub.truth import check_trigger

from .records import tale

ROOT = Path(__file__).parents[1]


class Target(NamedTuple):
    """Something that reads bytes; *raises* is what its documentation says it does."""

    read: Callable[[bytes], object]
    raises: tuple[type[BaseException], ...]
    samples: tuple[bytes, ...]


def _text(data: bytes) -> str:
    """*data* as text, which may be none."""
    return data.decode("utf-8", "surrogateescape")


def _in_file(read: Callable[[Path], object], name: str) -> Callable[[bytes], object]:
    """*read*, of a file called *name*."""

    def written(data: bytes) -> object:
        with TemporaryDirectory(prefix="hubbub-") as folder:
            path = Path(folder) / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
            return read(path)

    return written


def _line(data: bytes) -> None:
    """What is a line can be sent and shown."""
    message = decode_line(data)
    visible(escape_json(msgspec.json.encode(message)).decode())


def _audit(data: bytes) -> None:
    """A log begins with any line, or with none."""
    Audit().check(data)


def _log(path: Path) -> None:
    """Each of its messages can be shown as it was kept."""
    for message in read_log(path):
        encode_body(message.body)


def _reply(data: bytes) -> None:
    """Whatever is a reply can be recorded."""
    for read in (
        wire.decode_reply,
        partial(wire_anthropic.decode_reply, schema=_SCHEMA),
    ):
        with suppress(ModelError):
            msgspec.json.encode(read(data))
    wire.decode_listing(data)


def _complaint(data: bytes) -> None:
    """What a server says instead of a reply can be recorded too."""
    for status in (200, 400, 429, 500):
        if complaint := read_complaint(status, data):
            safe_text(complaint.words).encode()


def _spoken(data: bytes) -> None:
    """What a model says is a part of its reply."""
    text = _text(data)
    assert (spoken(text) or "") in text


def _answer(data: bytes) -> None:
    """An answer is read out of anything, as JSON or in words."""
    text = without_surrogates(_text(data))
    for question in (Interview, Contribute):
        with suppress(ValueError):
            read_words(text, question.pattern or "", answer_type(question))
    read_json(text, Speech)


def _trigger(data: bytes) -> None:
    """A trigger comes from a command line or a file."""
    check_trigger(_text(data))


def _spec(path: Path) -> None:
    """What can be read can be drawn from."""
    draw(read_spec(path)[0], 2, 1)


def _dotenv(path: Path) -> None:
    """What is read can be an environment's."""
    found = {DOTENV: str(path)}
    read_dotenv(found)
    for name, value in found.items():
        assert name
        assert b"\0" not in os.fsencode(f"{name}={value}")


def _cached(path: Path) -> None:
    """A damaged reply is no reply, and no error."""
    reply = Replies(path.parents[1]).get(path.stem)
    assert reply is None or reply.cached


class _Wire(ByteStream):
    """A connection by which *data* comes, and then nothing more."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.answered = b""

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        page, self._data = self._data[:max_bytes], self._data[max_bytes:]
        if not page:
            raise anyio.EndOfStream
        return page

    async def send(self, item: bytes) -> None:
        self.answered += item

    async def send_eof(self) -> None:
        """Nobody waits for it."""

    async def aclose(self) -> None:
        """Nothing has to be closed."""


class _Door(Listener[ByteStream]):
    """Where one client comes."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire

    async def serve(
        self,
        handler: Callable[[ByteStream], Any],
        task_group: anyio.abc.TaskGroup | None = None,
    ) -> None:
        await handler(self._wire)

    async def aclose(self) -> None:
        """Nothing has to be closed."""


def _request(data: bytes) -> None:
    """Whatever comes to the gateway is answered, or the connection closed."""

    async def handle(request: http.Request) -> http.Response:
        for form in (Answer, Words, Pass):
            with suppress(*_DAMAGED):
                msgspec.json.decode(request.body, type=form)
        return http.Response(status=200, body=b"{}")

    async def meet() -> None:
        refuse = unread
        await http.serve(_Door(visit), handle, refuse, http.Limits())

    visit = _Wire(data)
    anyio.run(meet)
    assert visit.answered[:9] in (b"", b"HTTP/1.1 ")


def _manifest() -> bytes:
    """The manifest of some run."""
    group = Group(count=2, mind="uniform")
    population = Population(scenario="cocktail-party", seats=(group,))
    with TemporaryDirectory(prefix="hubbub-") as folder:
        made = make_folder(Path(folder), "r", "cocktail-party", population, {})
        return (made.path / "manifest.json").read_bytes()


def _entry() -> bytes:
    """A reply as the cache keeps it, called ``abc``."""
    with TemporaryDirectory(prefix="hubbub-") as folder:
        Replies(Path(folder)).put("abc", Reply(text="hi"))
        return (Path(folder) / "ab" / "abc.json").read_bytes()


def _files(pattern: str) -> tuple[bytes, ...]:
    """The files of the project that *pattern* finds."""
    return tuple(path.read_bytes() for path in sorted(ROOT.glob(pattern)))


_SCHEMA: dict[str, Any] = {"type": "object", "properties": {"text": {"type": "string"}}}
_TALE = tale(1)
_LINES = tuple(
    encode_line(
        Draft(room=m.room, sender=m.sender, inc=1, no=m.no, seen=m.seen, body=m.body),
        *(m.seq, m.n, 0),
    )
    for m in _TALE
)
_REPLIES = (
    b'{"choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":7}}',
    b'{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}',
    b'{"choices":[{"message":{"content":[{"type":"text","text":"a"}]}}]}',
    b'{"content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn"}',
    b'{"content":[{"type":"text","text":"hi"}],"usage":{"input_tokens":1}}',
    b'{"content":[{"type":"tool_use","name":"answer","input":{"text":"x"}}]}',
    b'{"error":{"message":"no","type":"x","code":429}}',
    b'{"data":[{"id":"a/b"}]}',
)
_ANSWERS = (
    b'{"text":"hi","leave":true}',
    b'Well.\n```json\n{"text":"hi"}\n```\nGood?',
    b'<think>hm</think>{"text":"[1] {2}","leave":false}<|im_end|>',
    b"I think so. CONTRIBUTE $12.50",
)
_SPEC = b"""text = "{who}, {age}"
[[attributes]]
name = "who"
weights = { ann = 1, ben = 2.5 }
[[attributes]]
name = "age"
given = "who"
when = { ann = { old = 1 }, ben = { young = 1, old = 0 } }
"""
_REQUESTS = (
    b"GET /v1/ask?wait=5&x=1 HTTP/1.1\r\nHost: a:1\r\nAuthorization: Bearer b\r\n\r\n",
    (
        b"POST /v1/say HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 25\r\n"
        b'\r\n{"ask":"1/a","text":"hi"}GET / HTTP/1.1\r\nHost: a\r\n\r\n'
    ),
    (
        b"POST /v1/pass HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        b'd\r\n{"ask":"1/a"}\r\n0\r\n\r\n'
    ),
)
_DAMAGED = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)

TARGETS: dict[str, Target] = {
    "line": Target(_line, _DAMAGED, _LINES),
    "audit": Target(
        _audit, (ValueError,), (with_hash(_LINES[0], chain(GENESIS, _LINES[0])),)
    ),
    "log": Target(
        _in_file(_log, "log.jsonl"), (LogDamaged,), (b"\n".join([*_LINES, b""]),)
    ),
    "calls": Target(
        _in_file(lambda path: list(read_records(path)), "calls.jsonl"),
        (LogDamaged,),
        (b'{"seq":6,"call":{"call":"1/a/1","seat":"a"}}\n' * 2,),
    ),
    "call": Target(
        partial(msgspec.json.decode, type=Call),
        _DAMAGED,
        tuple(bytes(m.body.record) for m in _TALE if isinstance(m.body, Called)),
    ),
    "manifest": Target(
        _in_file(lambda path: RunFolder(path.parent), "manifest.json"),
        (NotARun,),
        (_manifest(),),
    ),
    "population": Target(
        _in_file(read_population, "a.toml"),
        (UsageError,),
        _files("docs/examples/*.toml"),
    ),
    "study": Target(
        _in_file(read_study, "a.toml"), (UsageError,), _files("studies/*.toml")
    ),
    "cohort": Target(
        _in_file(read_cohort, "a.json"),
        (UsageError,),
        (as_json(seal((Persona(text="A", attributes={"a": "b"}),))),),
    ),
    "spec": Target(_in_file(_spec, "a.toml"), (UsageError,), (_SPEC,)),
    "prices": Target(
        _in_file(read_prices, "a.toml"),
        (UsageError,),
        (b'["a/b"]\ninput = 1.0\noutput = 5.0\n',),
    ),
    "dotenv": Target(
        _in_file(_dotenv, "env"),
        (UsageError,),
        (b"A=b\nexport C='d e' # f\nG=\"h\\n$i\"\n",),
    ),
    "trigger": Target(
        _trigger,
        (UsageError,),
        (b"seq:12", b"round:3", b"phase:Accept"),
    ),
    "reply": Target(_reply, (ModelError,), _REPLIES),
    "points": Target(
        partial(decode_points, wanted=2),
        (ModelError,),
        (b'{"data":[{"index":0,"embedding":[1.5]},{"index":1,"embedding":[2]}]}',),
    ),
    "complaint": Target(_complaint, (), _REPLIES),
    "request": Target(_request, (), _REQUESTS),
    "cached": Target(_in_file(_cached, "ab/abc.json"), (), (_entry(),)),
    "spoken": Target(_spoken, (), _ANSWERS),
    "answer": Target(_answer, (ValueError,), _ANSWERS),
}
