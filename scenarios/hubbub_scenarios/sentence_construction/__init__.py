"""
Sentence construction: what is made alone, together, and with somebody hardly met.

After Lai et al. (arXiv 2402.12590, section 3 and appendix B): five questions, each with
seven words; everybody writes five sentences, as different from each other as it can,
each with all seven words.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from hubbub.errors import BadPopulation
from hubbub.scenario import Count, Seconds, scenario
from hubbub.stage import Stage
from hubbub_scenarios.cocktail_party import mingle, party
from hubbub_scenarios.sentence_construction.questions import Judge, Write, Written
from hubbub_scenarios.sentence_construction.words import (
    SETS,
    Fault,
    Forms,
    faults,
    key,
)

#: ``individual``: one seat alone.  ``collective``: guests of a party, in pairs they have
#: chosen.  ``bridged``: guests of a party, each with whom it has met least.  ``fresh``:
#: the pairs without the party.
Arm = Literal["individual", "collective", "bridged", "fresh"]
Sets = Annotated[int, msgspec.Meta(ge=1, le=len(SETS))]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one seat wrote for question *number*, and what is wrong with each sentence.

    *judged* says whether coherence was judged; without a judge it is not looked at.
    """

    number: int
    seat: str
    sentences: tuple[str, ...]
    faults: tuple[Fault, ...]
    judged: bool


@scenario(asks=[Write, Judge], mind="writer", seats=10, least=1)
async def sentence_construction(
    stage: Stage,
    arm: Arm = "collective",
    sets: Sets = 5,
    count: Count = 5,
    limit: Count = 40,
    rounds: Count = 30,
    turns: Count = 6,
    answers: Count = 10,
    remembers: bool = False,
    forms: Forms = "inflected",
    judge: str = "",
    budget: Seconds = 120.0,
) -> None:
    """
    A task in writing, for some of you after a party at which you have talked with each
    other in twos. You may talk the task over with others before each of you writes alone.

    In the arm ``individual`` one seat is asked *answers* times, which is how many the
    others are, and does not know its earlier answers unless it *remembers*.  *judge* is a
    seat that says which sentences make sense.  Each answer is a result ``page``.
    """
    if judge and judge not in stage.seats:
        raise BadPopulation(f"the judge {judge!r} is no seat of the population")
    writers = [seat for seat in stage.seats if seat != judge]
    met: Counter[frozenset[str]] = Counter()
    if arm in ("collective", "bridged"):
        talks = await party(stage, writers, rounds=rounds, turns=turns, budget=budget)
        met.update(frozenset(talk.pair) for talk in talks)
    if arm != "individual":
        await stage.open_room("hall", writers)
    for number, words in enumerate(SETS[:sets], 1):
        task = Write(words=words, count=count, limit=limit)
        if arm == "individual":
            written = await _alone(stage, writers[0], task, answers, remembers, budget)
        else:
            await stage.post("hall", f"The next task. {task.prompt()}")
            if arm == "collective":
                pairs = await mingle(stage, writers, number, sets, budget)
            else:
                pairs = least_met(stage, writers, met)
            await stage.chats(pairs, turns=turns, budget=budget)
            given = await stage.collect(task, writers, budget=budget)
            written = list(given.items())
        await _judge(stage, number, task, written, forms, judge, budget)


async def _alone(
    stage: Stage, seat: str, task: Write, answers: int, remembers: bool, budget: float
) -> list[tuple[str, Written]]:
    ask = stage.collect if remembers else stage.probe
    written: list[tuple[str, Written]] = []
    for _ in range(answers):
        given = await ask(task, [seat], budget=budget)
        written += given.items()
    return written


def least_met(
    stage: Stage, seats: Sequence[str], met: Counter[frozenset[str]]
) -> list[tuple[str, str]]:
    """Each of *seats* with the one it has met least, by lot among several; each pair once."""
    pairs: dict[frozenset[str], tuple[str, str]] = {}
    for seat in seats:
        others = [other for other in seats if other != seat]
        stage.rng.shuffle(others)
        other = min(others, key=lambda other: met[frozenset((seat, other))], default="")
        if other:
            pairs.setdefault(frozenset((seat, other)), (seat, other))
    return list(pairs.values())


async def _judge(
    stage: Stage,
    number: int,
    task: Write,
    written: Sequence[tuple[str, Written]],
    forms: Forms,
    judge: str,
    budget: float,
) -> None:
    """Declare every answer with what is wrong with it."""
    before: set[str] = set()
    for seat, answer in written:
        found = faults(
            answer.sentences, task.words, limit=task.limit, forms=forms, before=before
        )
        before.update(map(key, answer.sentences))
        judged = False
        if judge:
            asked = Judge(sentences=answer.sentences)
            said = await stage.probe(asked, [judge], budget=budget)
            if judged := judge in said:
                for place, sound in enumerate(said[judge].coherent):
                    if not (sound or found[place]):
                        found[place] = "incoherent"
        page = Page(
            number=number,
            seat=seat,
            sentences=answer.sentences,
            faults=tuple(found),
            judged=judged,
        )
        await stage.result("page", page)
