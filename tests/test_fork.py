"""A fork shares the past of its source to the byte, pays nothing of it, and goes on."""

import json
import random
import shutil
import signal
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from hubbub.errors import LogDamaged, RunExists, UnknownName, UsageError
from hubbub.folder import Origin, RunFolder
from hubbub.fork import ask, fork
from hubbub.injecting import eject, read_truth
from hubbub.ledger import read_records
from hubbub.log import read_log
from hubbub.messages import (
    Called,
    Ejected,
    Ended,
    Injected,
    Joined,
    Message,
    Onset,
    Resulted,
    RoundBegan,
    Started,
)
from hubbub.models.base import Call
from hubbub.names import OPERATOR, TRUTH
from hubbub.population import Cast, Injection
from hubbub.purse import count_spent
from hubbub.terms import NANO
from hubbub.truth import Truth

from .playing import Scribe, bus_with, contributions
from .records import edit, kept, tale
from .test_cli import (
    Hubbub,
    _fresh,  # pyright: ignore[reportPrivateUsage]
    finish,
    hubbub,
    shell,
    start,
)

__all__ = ["_fresh", "hubbub"]

INFILTRATED = """
scenario = "cocktail-party"
seed = 3
parameters = { rounds = 3, turns = 2 }
seats = [{ count = 4, mind = "uniform" }]

[[inject]]
mind = "silent"
at = "round:2"

[[inject]]
surface = "compromise"
names = ["L2"]
mind = "silence"
at = "round:3"
"""


WAITING = """
import os
import anyio
from hubbub_agents.talker import Uniform

class Waiting(Uniform):
    async def act(self, ask):
        if not os.path.exists("go"):
            await anyio.sleep_forever()
        return await super().act(ask)
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A complete run into which somebody came; look, do not touch."""
    folder = tmp_path_factory.mktemp("source")
    (folder / "p.toml").write_text(INFILTRATED)
    assert shell("run", "p.toml", "--out", "x", cwd=folder).code == 0
    return RunFolder(folder / "x")


def prefix(file: Path, lines: int) -> bytes:
    """The first *lines* of *file*."""
    return b"".join(file.read_bytes().splitlines(keepends=True)[:lines])


def digests(folder: RunFolder) -> dict[str, str]:
    """What is in every file of *folder*."""
    files = [path for path in folder.path.rglob("*") if path.is_file()]
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in files}


def place(folder: RunFolder, found: Callable[[Message], bool]) -> int:
    """The first ``seq`` of *folder*'s log that is one of those *found*."""
    return next(m.seq for m in read_log(folder.log) if found(m))


def truth_of(folder: RunFolder) -> Truth:
    """All injections of the run in *folder*."""
    truth = Truth()
    for message in read_log(folder.log):
        truth.apply(message)
    return truth


def origin_of(folder: RunFolder) -> Origin:
    """Where the fork in *folder* comes from."""
    assert folder.manifest.origin is not None
    return folder.manifest.origin


# -- what is shared


def test_the_past_is_shared_to_the_byte(source: RunFolder, tmp_path: Path) -> None:
    """The prefix of the log, whose hash is the origin's, and nothing of the source changes."""
    before = digests(source)
    forked = fork(source, "seq:40", out=tmp_path / "f")

    lines = prefix(source.log, 40)
    assert forked.log.read_bytes() == lines
    assert json.loads(lines.splitlines()[-1])["hash"] == origin_of(forked).hash
    assert (forked.manifest.state, forked.shared) == ("running", 40)
    assert forked.run != source.run == origin_of(forked).run
    assert digests(source) == before


async def test_calls_are_shared_with_their_messages(tmp_path: Path) -> None:
    """Those up to the fork, and none beyond."""
    folder = await kept(tmp_path / "x")
    calls = [m.seq for m in tale() if m.kind == "call"]
    for at in (calls[0] - 1, calls[1], calls[-1]):
        forked = fork(folder, f"seq:{at}", out=tmp_path / f"f{at}")

        wanted = prefix(folder.calls, sum(seq <= at for seq in calls))
        found = forked.calls.read_bytes() if forked.calls.exists() else b""
        assert found == wanted


def test_a_trigger_says_where(source: RunFolder, tmp_path: Path) -> None:
    """The first event that meets it is the last one that is shared."""
    began = place(
        source, lambda m: isinstance(m.body, RoundBegan) and m.body.round == 2
    )
    opened = place(source, lambda m: m.kind == "phase.open" and "Accept" in str(m.body))
    by_round = fork(source, "round:2", out=tmp_path / "r")
    by_phase = fork(source, "phase:Accept", out=tmp_path / "p")

    assert (by_round.shared, by_phase.shared) == (began, opened)


def test_without_an_injection_the_past_is_as_long_as_can_be(
    source: RunFolder, tmp_path: Path
) -> None:
    """It ends with the event that had the first of them come."""
    rounds = [m.seq for m in read_log(source.log) if m.kind == "round"]
    second = fork(source, without=["i2"], out=tmp_path / "2")
    both = fork(source, without=["all"], out=tmp_path / "all")

    assert (second.shared, both.shared) == (rounds[2], rounds[1])
    assert origin_of(both).without == ("i1", "i2")


def test_what_cannot_be_forked_says_why(source: RunFolder, tmp_path: Path) -> None:
    """And makes no folder."""
    last = source.manifest.messages
    out = tmp_path / "f"
    with pytest.raises(UsageError, match=f"before the run's end.*seq:{last - 1}$"):
        fork(source, f"seq:{last}", out=out)
    with pytest.raises(UsageError, match="meets round:9"):
        fork(source, "round:9", out=out)
    with pytest.raises(UsageError, match="say where"):
        fork(source, out=out)
    with pytest.raises(UnknownName, match="i9"):
        fork(source, "seq:9", without=["i9"], out=out)
    with pytest.raises(UsageError, match="is called L1 already"):
        fork(
            source, "seq:9", injected=[Injection(mind="silent", names=("L1",))], out=out
        )
    assert list(tmp_path.iterdir()) == []


async def test_nobody_is_left_half_come_in(tmp_path: Path) -> None:
    """Between a participant's joins and its onset there is no being without it."""
    what, scribe = Injected(id="i1", surface="participant", seats=("L3",)), Scribe()
    scribe.write(Started(scenario="cocktail-party", seed=0, seats=("L1", "L2")))
    scribe.write(Joined(seats=("L1", "L2")), room="hall")
    scribe.write(what, OPERATOR, TRUTH)
    scribe.write(Joined(seats=("L3",)), room="hall")
    scribe.write(Onset(what=what), room=TRUTH)
    scribe.write(Ended(steps=0))
    folder = await kept(tmp_path / "x", await bus_with(scribe.messages))

    with pytest.raises(UsageError, match="just coming in at seq 4"):
        fork(folder, "seq:4", without=["i1"], out=tmp_path / "f")
    for at in (3, 5):
        out = tmp_path / f"f{at}"
        assert fork(folder, f"seq:{at}", without=["i1"], out=out).shared == at


def test_a_damaged_past_is_not_shared(source: RunFolder, tmp_path: Path) -> None:
    """The first line that is not what it was is named."""
    copy = RunFolder(shutil.copytree(source.path, tmp_path / "x"))
    edit(
        copy.log,
        lambda lines: [*lines[:19], lines[19].replace(b"1", b"2"), *lines[20:]],
    )

    with pytest.raises(LogDamaged, match=r"log\.jsonl:20"):
        fork(copy, "seq:30", out=tmp_path / "f")
    assert fork(copy, "seq:19", out=tmp_path / "f").shared == 19


def test_a_folder_has_one_fork(source: RunFolder, tmp_path: Path) -> None:
    """The same again is the same folder, also after a beginning that was killed."""
    out, coming = tmp_path / "f", Injection(mind="silent", options={})
    (tmp_path / ".f.fork").mkdir()
    (tmp_path / ".f.fork" / "log.jsonl").write_text("half of it")
    first = fork(source, "seq:30", injected=[coming], out=out)
    again = fork(source, "seq:30", injected=[coming], out=out)

    assert again.run == first.run
    assert [path.name for path in tmp_path.iterdir()] == ["f"]
    with pytest.raises(RunExists, match="another run"):
        fork(source, "seq:31", injected=[coming], out=out)


def test_a_live_log_is_forked_as_far_as_it_goes(
    source: RunFolder, tmp_path: Path
) -> None:
    """A torn last line is not there yet."""
    copy = RunFolder(shutil.copytree(source.path, tmp_path / "x"))
    copy.log.write_bytes(prefix(source.log, 20) + b'{"seq":21,"ro')

    assert fork(copy, "seq:20", out=tmp_path / "f").shared == 20
    with pytest.raises(UsageError, match="yet: its last event is seq:20"):
        fork(copy, "seq:21", out=tmp_path / "g")


# -- what is otherwise


async def test_requests_are_in_the_log_once(source: RunFolder, tmp_path: Path) -> None:
    """Asked again, as after a kill half-way, only what is missing is said."""
    coming = Injection(mind="silent", count=2)
    forked = fork(
        source, "seq:30", injected=[coming], without=["all"], out=tmp_path / "f"
    )
    bus = await bus_with(list(read_log(forked.log)))
    cast = Cast(forked.population())
    half = Origin(run="x", seq=30, hash="", without=("i1",))
    for origin in (half, origin_of(forked), origin_of(forked)):
        await ask(bus, origin, cast)

    said = [m.body for m in (await bus.read(30))]
    assert said == [Ejected(id="i1"), Ejected(id="i2"), *origin_of(forked).injected]
    states = [e.state for e in (await read_truth(bus)).entries.values()]
    assert states == ["over", "over", "waiting"]


async def test_what_is_declared_and_not_asked_for_never_comes(
    source: RunFolder, tmp_path: Path
) -> None:
    """A fork before the population's own requests asks for them and takes them back."""
    forked = fork(source, "seq:1", without=["i1"], out=tmp_path / "f")
    bus = await bus_with(list(read_log(forked.log)))
    await ask(bus, origin_of(forked), Cast(forked.population()))

    said = [m.body for m in await bus.read(1)]
    assert [type(body) for body in said] == [Injected, Ejected]
    assert (await read_truth(bus)).entries["i1"].state == "over"


async def test_what_was_to_end_later_ends_at_once(
    source: RunFolder, tmp_path: Path
) -> None:
    """An ejection that waits for its trigger does not keep a fork from being without."""
    messages = list(read_log(fork(source, "round:3", out=tmp_path / "f").log))
    bus, cast = await bus_with(messages), Cast(source.population())
    await bus.note(population=msgspec.json.encode(cast.population).decode())
    await eject(bus, "i1", "seq:9999")
    await ask(bus, Origin(run="x", seq=0, hash="", without=("i1",)), cast)

    said = [m.body for m in await bus.read(len(messages))]
    assert said == [Ejected(id="i1", at="seq:9999"), Ejected(id="i1")]


# -- what it costs


async def test_the_source_has_paid_for_what_is_shared() -> None:
    """A fork's purse counts what comes after."""
    messages = [m for m in paid_tale() if m.kind != "end"]
    calls = [m.seq for m in messages if m.kind == "call"]
    for shared, count in ((0, 6), (calls[1], 4), (len(messages), 0)):
        bus = await bus_with(messages)
        await count_spent(bus, after=shared)

        assert (await bus.spent()).get("money", 0) == count * NANO


def paid_tale() -> list[Message]:
    """A tale in which every call has cost a dollar."""

    def paid(message: Message) -> Message:
        if not isinstance(message.body, Called):
            return message
        call = msgspec.json.decode(message.body.record, type=Call)
        record = msgspec.Raw(
            msgspec.json.encode(msgspec.structs.replace(call, cost=1.0))
        )
        body = msgspec.structs.replace(message.body, record=record)
        return msgspec.structs.replace(message, body=body)

    return [paid(message) for message in tale()]


# -- going on


def test_a_fork_goes_on_to_the_same_end(hubbub: Hubbub, tmp_path: Path) -> None:
    """Rules in sealed phases find the same from wherever they begin again."""
    game = ("run", "public-goods", "--agents", "4", "--mind", "conditional")
    assert hubbub(*game, "--set", "rounds=4", "--seed", "5", "--out", "x").code == 0
    source = list(read_log(tmp_path / "x" / "log.jsonl"))
    rng = random.Random(1)
    for workers, at in (("0", rng.randrange(1, 40)), ("2", rng.randrange(40, 69))):
        out = f"f{workers}"
        said = hubbub(
            "fork", "x", "--at", f"seq:{at}", "--out", out, "--workers", workers
        )
        forked = list(read_log(tmp_path / out / "log.jsonl"))

        assert said.code == 0, said.err
        assert contributions(forked) == contributions(source)
        assert results(forked) == results(source)
        assert hubbub("verify", out).code == hubbub("replay", out).code == 0


def results(messages: list[Message]) -> list[tuple[str, bytes]]:
    """What the scenario has declared."""
    return [
        (m.body.name, bytes(m.body.value))
        for m in messages
        if isinstance(m.body, Resulted)
    ]


def test_on_the_virtual_clock_a_fork_is_the_same_run(
    hubbub: Hubbub, tmp_path: Path
) -> None:
    """To the byte, with whatever is injected, from wherever it is forked."""
    (tmp_path / "p.toml").write_text(INFILTRATED)
    assert hubbub("run", "p.toml", "--clock", "virtual", "--out", "x").code == 0
    source = RunFolder(tmp_path / "x")
    rng = random.Random(2)
    for at in rng.sample(range(1, source.manifest.messages), 3):
        assert hubbub("fork", "x", "--at", f"seq:{at}", "--out", f"f{at}").code == 0
        forked = tmp_path / f"f{at}" / "log.jsonl"

        assert forked.read_bytes() == source.log.read_bytes()


def test_a_twin_is_without_what_came(
    hubbub: Hubbub, source: RunFolder, tmp_path: Path
) -> None:
    """Nothing of it begins, and a fork of that twin can have somebody else instead."""
    assert hubbub("fork", str(source.path), "--without", "all", "--out", "t").code == 0
    twin = RunFolder(tmp_path / "t")
    other = hubbub(
        *("fork", "t", "--at", "round:3", "--inject", "uniform", "--count", "2"),
        *("--until", "phase:Accept", "--out", "o", "--json"),
    )

    assert [e.state for e in truth_of(twin).entries.values()] == ["over", "over"]
    assert not any(m.kind == "onset" for m in read_log(twin.log))
    first, *_, last = other.lines()
    assert (first["event"], first["from"]) == ("fork", twin.run)
    assert (last["event"], last["complete"]) == ("done", True)
    third = truth_of(RunFolder(tmp_path / "o")).entries["i3"]
    assert third.what.seats == ("L6", "L7")
    assert third.lifted > third.onset > first["seq"]
    assert hubbub("verify", "o").code == hubbub("replay", "o").code == 0


def test_a_killed_fork_goes_on(
    hubbub: Hubbub, source: RunFolder, tmp_path: Path
) -> None:
    """The same command resumes it; what it asked for is in its log once."""
    (tmp_path / "waiting.py").write_text(WAITING)
    command = (
        *("fork", str(source.path), "--at", "round:2", "--without", "i1"),
        *("--inject", "waiting.py", "--out", "f", "--json"),
    )
    process = start(*command, cwd=tmp_path)
    assert process.stdout is not None
    assert any('"round"' in line for line in process.stdout)
    process.kill()
    assert finish(process).code == -signal.SIGKILL
    (tmp_path / "go").touch()
    resumed, done = hubbub(*command), hubbub(*command)

    assert resumed.lines()[-1]["complete"]
    assert (done.code, "complete run" in done.err) == (2, True)
    asked = [m.kind for m in read_log(tmp_path / "f/log.jsonl") if m.sender == OPERATOR]
    assert asked == ["eject", "inject"]
    assert hubbub("verify", "f").code == hubbub("replay", "f").code == 0


def test_nothing_that_is_shared_is_called_again(hubbub: Hubbub, tmp_path: Path) -> None:
    """
    Wherever calls were under way, what was begun is ended with the calls it has.

    The fork tells its own calls alone, and of its source where it comes from.
    """
    party = ("run", "cocktail-party", "--agents", "3", "--model", "scripted/legal")
    assert hubbub(*party, "--set", "rounds=2", "--out", "x").code == 0
    source = RunFolder(tmp_path / "x")
    at = [m.seq for m in read_log(source.log) if m.kind == "call"][7]
    assert hubbub("fork", "x", "--at", f"seq:{at}", "--out", "f").code == 0
    made = list(read_records(tmp_path / "f/calls.jsonl"))
    told = hubbub("show", "f", "--json").lines()[0]

    ids = [msgspec.json.decode(one.call, type=Call).call for one in made]
    assert len(ids) == len(set(ids))
    assert sum(one.seq <= at for one in made) == 8
    assert told["calls"] == told["spent"]["calls"] == len(ids) - 8
    assert told["origin"]["run"] == source.run
    assert hubbub("replay", "f").code == 0
    assert f"from {source.run} at {at}" in hubbub("ls", ".").out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("fork x", "say where to fork"),
        ("fork x --at sometime", "is no trigger"),
        ("fork x --at seq:5 --count 2", "--inject names the mind"),
        ("fork x --at seq:5 --inject nobody", "unknown mind 'nobody'"),
        ("fork x --at seq:5 --inject other.toml", "unknown key in other.toml 'seats'"),
        ("fork x --at seq:5 --inject none.toml", "none.toml: No such file"),
        ("fork y --at seq:5", "y is not a run folder"),
    ],
)
def test_what_is_refused_names_the_mend(
    hubbub: Hubbub, source: RunFolder, tmp_path: Path, words: str, why: str
) -> None:
    """And leaves nothing behind."""
    (tmp_path / "x").symlink_to(source.path)
    (tmp_path / "other.toml").write_text("[[seats]]\ncount = 2")
    done = hubbub(*words.split())

    assert (done.code, why in done.err) == (2, True), done.err
    assert {path.name for path in tmp_path.iterdir()} == {"x", "other.toml"}


def test_a_file_says_any_number_of_injections(
    hubbub: Hubbub, source: RunFolder, tmp_path: Path
) -> None:
    """Each with its own trigger, as in a population file."""
    (tmp_path / "two.toml").write_text(
        '[[inject]]\nmind = "silent"\n[[inject]]\nmind = "uniform"\nat = "round:3"\n'
    )
    command = ("fork", str(source.path), "--at", "round:2", "--without", "all")
    assert hubbub(*command, "--inject", "two.toml", "--out", "f").code == 0
    entries = truth_of(RunFolder(tmp_path / "f")).entries

    assert [e.state for e in entries.values()] == ["over", "over", "on", "on"]
    assert entries["i4"].onset > entries["i3"].onset
