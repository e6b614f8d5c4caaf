"""The tables say what the log says: no row too many, none too few."""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from hubbub.data import Run, open_run
from hubbub.data.tables import TABLES
from hubbub.folder import RunFolder
from hubbub.ledger import read_records
from hubbub.log import read_log
from hubbub.messages import Called, Ended, Faulted, Joined, Passed, PhaseClosed, Started

from ..playing import Scribe, views
from ..simulation import SEATS
from .recording import party_run, planted_party, random_run, written

SEEDS = range(12)


def rows(run: Run, name: str) -> list[dict[str, Any]]:
    """The rows of a table as plain values."""
    found: list[dict[str, Any]] = run.table(name).to_pylist()
    return found


def seat_rooms(run: Run) -> dict[str, list[tuple[str, int, float]]]:
    """Each seat's memberships."""
    found: dict[str, list[tuple[str, int, float]]] = defaultdict(list)
    for row in rows(run, "memberships"):
        last = float("inf") if row["to_seq"] is None else row["to_seq"]
        found[row["seat"]].append((row["room"], row["from_seq"], last))
    return found


@pytest.fixture(params=SEEDS)
def played(request: pytest.FixtureRequest, tmp_path: Path) -> RunFolder:
    """A random game."""
    return random_run(tmp_path / "run", request.param)


def test_there_are_as_many_rows_as_in_the_manifest(played: RunFolder) -> None:
    """Messages, asks, and outcomes of each kind; as many calls as lines of the file."""
    run, manifest = open_run(played.path), played.manifest
    outcomes = Counter(row["outcome"] for row in rows(run, "outcomes"))

    assert run.messages.num_rows == manifest.messages
    assert run.asks.num_rows == manifest.asks
    assert outcomes == manifest.outcomes
    assert run.calls.num_rows == sum(1 for _ in read_records(played.calls))


def test_every_ask_and_turn_ends_once(played: RunFolder) -> None:
    """An outcome's id is its own, and an ask's outcome is that of an ask."""
    run = open_run(played.path)
    ids = [row["id"] for row in rows(run, "outcomes")]
    asks = {row["id"] for row in rows(run, "outcomes") if row["act"] == "ask"}

    assert len(set(ids)) == len(ids)
    assert asks == {row["ask"] for row in rows(run, "asks")}


def test_a_late_answer_is_late_and_is_kept(played: RunFolder) -> None:
    """It came after its phase had closed; what it would have been stands beside it."""
    closed = {
        m.body.step: m.seq
        for m in read_log(played.log)
        if isinstance(m.body, PhaseClosed)
    }
    for row in rows(open_run(played.path), "outcomes"):
        if row["act"] == "ask" and row["seq"] is not None:
            late = row["seq"] > closed[row["step"]]
            assert row["outcome"] == ("late" if late else row["given"])
            assert (row["answer"] is not None) == (row["given"] == "answered")


def test_exposures_are_who_heard_what(played: RunFolder) -> None:
    """By the letter of the rule of membership."""
    heard = {
        (message.seq, seat)
        for seat, messages in views(read_log(played.log)).items()
        for message in messages
        if seat in SEATS
    }
    found = [(r["seq"], r["seat"]) for r in rows(open_run(played.path), "exposures")]

    assert len(found) == len(set(found))
    assert set(found) == heard


def test_exposures_follow_from_memberships(played: RunFolder) -> None:
    """With three rules: rounds are for all, own answers come back, nobody hears probes."""
    run = open_run(played.path)
    rooms = seat_rooms(run)
    form = {row["ask"]: row["form"] for row in rows(run, "asks")}
    found: set[tuple[int, str]] = set()
    for row in rows(run, "messages"):
        probe = row["kind"] in ("ask", "contribution") and form[row["ask"]] == "probe"
        for seat in SEATS:
            inside = any(
                room == row["room"] and first <= row["seq"] <= last
                for room, first, last in rooms[seat]
            )
            own = row["kind"] == "contribution" and row["sender"] == seat
            if not probe and (inside or own or row["kind"] == "round"):
                found.add((row["seq"], seat))

    assert found == {(r["seq"], r["seat"]) for r in rows(run, "exposures")}


def test_a_call_has_what_its_record_has(played: RunFolder) -> None:
    """In the log's order, under the ask or turn that it was made for."""
    run = open_run(played.path)
    calls = [m for m in read_log(played.log) if isinstance(m.body, Called)]

    assert [(r["seq"], r["call"]) for r in rows(run, "calls")] == [
        (m.seq, m.body.call) for m in calls if isinstance(m.body, Called)
    ]
    for row in rows(run, "calls"):
        assert (row["reply"] is None) == (row["error"] is not None)
        assert row["call"] == f"{row['id']}/{row['draw']}"
        assert row["prompt_size"] == 12 or row["prompt_size"] == 0


async def test_edges_are_what_was_planted(tmp_path: Path) -> None:
    """Late invitations are none; whoever opens a talk is its source."""
    folder = await written(tmp_path / "run", planted_party())
    found = {
        (row["round"], row["kind"], row["source"], row["target"]): row["weight"]
        for row in rows(open_run(folder.path), "edges")
    }
    both = {
        (number, *edge): 2 if edge == ("say", "L1", "L2") else 1
        for number in (1, 2)
        for edge in (
            ("invite", "L1", "L2"),
            ("accept", "L2", "L1"),
            ("talk", "L1", "L2"),
            ("say", "L1", "L2"),
            ("say", "L2", "L1"),
        )
    }

    assert found == both | {(1, "invite", "L2", "L3"): 1}


async def test_who_never_answers_is_absent(tmp_path: Path) -> None:
    """Once its phase has closed; there is no message to point to."""
    folder = await written(tmp_path / "run", planted_party())
    absent = [
        row for row in rows(open_run(folder.path), "outcomes") if row["given"] is None
    ]

    assert [(row["id"], row["outcome"]) for row in absent] == [
        ("12/L3", "absent"),
        ("22/L3", "absent"),
    ]
    assert all(row["seq"] is None and row["asked_seq"] for row in absent)


async def test_an_answer_after_the_close_is_late(tmp_path: Path) -> None:
    """Whatever its own message says; no absence is counted for it."""
    folder = await written(tmp_path / "run", planted_party())
    found = [r for r in rows(open_run(folder.path), "outcomes") if r["id"] == "11/L3"]

    assert [(r["outcome"], r["given"], r["answer"]) for r in found] == [
        ("late", "answered", '{"to":"L1"}')
    ]


async def test_a_turn_has_the_raw_text_of_its_complaint(tmp_path: Path) -> None:
    """It was told before the turn ended, in another room."""
    scribe = Scribe()
    scribe.write(Started(scenario="x", seed=0, seats=("L1", "L2")))
    complaint = Faulted(what="no answer", ask="1/L1/1", raw="hm\u2028", raw_size=40)
    scribe.write(complaint, "L1", "@conductor")
    scribe.write(Passed(turn="1/L1/1", outcome="unparsable"), "L1", "hall")
    scribe.write(Passed(turn="1/L1/2"), "L1", "hall")
    scribe.write(Ended(steps=1))
    folder = await written(tmp_path / "run", scribe.messages)
    found = rows(open_run(folder.path), "outcomes")

    assert [(r["outcome"], r["raw"], r["raw_size"]) for r in found] == [
        ("unparsable", "hm\u2028", 40),
        ("passed", None, 0),
    ]


async def test_a_step_is_in_the_round_that_began_before_it(tmp_path: Path) -> None:
    """Also for what comes after the next one has begun."""
    folder = await written(tmp_path / "run", planted_party())
    for row in rows(open_run(folder.path), "messages"):
        if row["step"] is not None:
            assert row["round"] == row["step"] // 10


async def test_seats_are_what_the_population_says(tmp_path: Path) -> None:
    """And those that came besides have their place after them."""
    scribe = Scribe()
    scribe.write(Started(scenario="x", seed=0, seats=("L1", "L2")))
    scribe.write(Joined(seats=("mallory",)), room="hall")
    scribe.write(Ended(steps=1))
    folder = await written(tmp_path / "run", scribe.messages)
    found = [
        (row["seat"], row["place"], row["group"], row["mind"])
        for row in rows(open_run(folder.path), "seats")
    ]

    assert found == [
        ("L1", 1, 1, "uniform"),
        ("L2", 2, 1, "uniform"),
        ("mallory", 3, None, None),
    ]


async def test_types_stand_whatever_is_in_a_table(tmp_path: Path) -> None:
    """Also where it is empty, or where a column has no value."""
    rich = await party_run(tmp_path / "party")
    scribe = Scribe()
    scribe.write(Started(scenario="x", seed=0, seats=("L1",)))
    scribe.write(Ended(steps=0))
    poor = await written(tmp_path / "poor", scribe.messages)
    for name in TABLES:
        schemas = [open_run(folder.path).table(name).schema for folder in (rich, poor)]
        assert schemas[0].equals(schemas[1], check_metadata=True), name


async def test_frames_have_the_same_types_with_and_without_rows(tmp_path: Path) -> None:
    """A whole number with gaps is no fraction in pandas, nor anything else in polars."""
    rich = open_run((await party_run(tmp_path / "party")).path)
    scribe = Scribe()
    scribe.write(Started(scenario="x", seed=0, seats=("L1",)))
    scribe.write(Ended(steps=0))
    poor = open_run((await written(tmp_path / "poor", scribe.messages)).path)
    for name in TABLES:
        assert rich.pandas(name).dtypes.equals(poor.pandas(name).dtypes), name
        assert rich.polars(name).schema == poor.polars(name).schema, name
