"""Who came to carry a text, and from whom it can have it: nothing that is not known."""

import msgspec

from hubbub.measures.lineage import Carrier, Generation, Lineage, read_lineage
from hubbub.messages import Ticked
from hubbub.names import inbox

from .telling import Tale


def lineage(tale: Tale, text: str = "canary") -> Lineage:
    """How *text* went through *tale*."""
    return read_lineage(tale.messages, text)


def ways(tale: Tale) -> dict[str, tuple[tuple[str, ...], int, int]]:
    """Each carrier's possible sources, and its generations at least and at most."""
    return {c.seat: (c.sources, c.generation, c.latest) for c in lineage(tale).carriers}


def test_a_chain_is_told_hand_by_hand() -> None:
    """Each hears it from one alone, in a room of two."""
    tale = Tale("ABC")
    tale.join("ab", "A", "B")
    tale.join("bc", "B", "C")
    one = tale.say("A", "the canary", "ab")
    two = tale.say("B", "a canary!", "bc")

    found = lineage(tale)
    assert found.carriers == (
        Carrier(
            seat="A", seq=one, sources=(), told=False, generation=0, latest=0, passed=1
        ),
        Carrier(seat="B", seq=two, sources=("A",), told=False, generation=1, latest=1),
    )
    assert (found.silent, found.certain) == (("C",), 1)


def test_only_what_was_read_before_can_be_a_source() -> None:
    """B's words crossed those of A: it has it from nobody that is known."""
    tale = Tale("ABC")
    one = tale.say("A", "canary")
    tale.say("B", "canary", seen=one - 1)
    tale.say("C", "canary", seen=one)

    assert ways(tale) == {"A": ((), 0, 0), "B": ((), 0, 0), "C": (("A",), 1, 1)}


def test_of_several_sources_all_are_named() -> None:
    """C has heard both A and B, D all three: by one hand at least, by three at most."""
    tale = Tale("ABCD")
    for seat in "ABCD":
        tale.say(seat, "canary")

    assert ways(tale)["D"] == (("A", "B", "C"), 1, 3)
    assert [round(c.passed, 3) for c in lineage(tale).carriers] == [
        1.833,
        0.833,
        0.333,
        0,
    ]
    assert lineage(tale).certain == 1


def test_each_generation_is_counted_and_the_last_one_is_open() -> None:
    """One makes two, and two make one; nobody knows what that would have made."""
    tale = Tale("ABCDE")
    for pair in ("AB", "AC", "BD"):
        tale.join(pair, *pair)
    for seat, room in (("A", "AB"), ("A", "AC"), ("B", "BD"), ("C", "AC"), ("D", "BD")):
        tale.say(seat, "canary", room)

    assert lineage(tale).generations == (
        Generation(number=0, carriers=1, reproduction=2.0),
        Generation(number=1, carriers=2, reproduction=0.5),
        Generation(number=2, carriers=1, reproduction=None),
    )


def test_whom_the_scenario_has_told_needs_no_other() -> None:
    """Its generation is 0 at least, and its sources share it with the scenario."""
    tale = Tale("AB")
    tale.say("A", "canary")
    fact = msgspec.Raw(b'{"minutes":["somebody said \\"canary\\""]}')
    tale.write(Ticked(step=1, name="minute", value=fact), room=inbox("B"))
    tale.say("B", "canary")

    first, second = lineage(tale).carriers
    assert (second.sources, second.told) == (("A",), True)
    assert (second.generation, second.latest, first.passed) == (0, 1, 0.5)
    assert lineage(tale).certain == 0


def test_what_nobody_carries_has_no_generation() -> None:
    """Words are looked for as they are."""
    tale = Tale("AB")
    tale.say("A", "a Canary")

    assert lineage(tale) == Lineage(
        text="canary", carriers=(), generations=(), silent=(), certain=0
    )
