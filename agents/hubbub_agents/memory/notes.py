"""
A memory of notes: observations, reflections on them, and the retrieval of both.

After Park et al., "Generative Agents: Interactive Simulacra of Human Behavior" (UIST 2023,
arXiv 2304.03442), section 4: each observation gets an importance; when the importance of
what came since the last reflection reaches a threshold, the model asks itself questions
about the newest memories and draws conclusions from what it retrieves for each.
"""

from collections.abc import Sequence
from typing import Any

from hubbub.messages import Message, Remembered
from hubbub.mind import Ask, Part
from hubbub.models.base import View
from hubbub.policies import Notes
from hubbub_agents.desk import Desk
from hubbub_agents.grams import grams
from hubbub_agents.lines import line_of_memory, words_of
from hubbub_agents.memory import replies
from hubbub_agents.memory.base import (
    Line,
    Made,
    Memory,
    Recalled,
    newest,
    oldest,
    shrinking,
)
from hubbub_agents.memory.retrieval import Note, ranked
from hubbub_agents.tokens import tokens

#: The importance of what is not rated, the middle of the scale.
MIDDLE = 5.0
#: Messages that are rated in one call at most.
RATED = 50
#: The newest memories that questions are asked about, as in the paper.
ASKED_ABOUT = 100
#: How many of the newest messages say, beside the question, what a memory is to be about.
AT_HAND = 1
#: Tokens of a reply: for each rating, each question, each insight, and beside them.
RATING, QUESTION, INSIGHT, BESIDE = 6, 60, 100, 40


class NotesMemory(Memory):
    """Shows the newest messages, and of the older ones and the reflections the best."""

    def __init__(self, part: Part, policy: Notes) -> None:
        super().__init__(part, bound=1 << 40)
        self._policy = policy
        self._calls = 2 + policy.questions
        self._grams: dict[int, int] = {}
        self._ratings: dict[int, float] = {}
        self._reflections: list[Made] = []
        # The ``seq`` up to which there was reflection.
        self._upto = 0

    # -- the fold

    def heard(self, event: Message, line: Line) -> None:
        self._grams[line.seq] = grams(words_of(event))
        if len(self.lines) > self._policy.kept:
            self.forget()

    def forget(self) -> Line:
        line = super().forget()
        del self._grams[line.seq]
        self._ratings.pop(line.seq, None)
        return line

    def settle(self, made: Made) -> None:
        match made.memory:
            case Remembered(form="importance"):
                held = {line.seq for line in self.lines}
                rated = _ratings([made]).items()
                self._ratings |= {seq: weight for seq, weight in rated if seq in held}
            case Remembered(form="reflection"):
                self._reflections.append(made)
                del self._reflections[: -self._policy.kept]
            case Remembered(upto=upto):
                self._upto = upto

    def _notes(self, ask: str) -> list[Note]:
        """All that *ask* can retrieve, in the order in which it came."""
        fresh = self.fresh(ask)
        ratings = self._ratings | _ratings(fresh)
        notes = [
            Note(
                line.seq,
                line.place,
                line.text,
                line.tokens,
                self._grams[line.seq],
                ratings.get(line.seq, MIDDLE),
            )
            for line in self.lines
        ]
        notes += map(_note, (*self._reflections, *_of("reflection", fresh)))
        return sorted(notes, key=lambda note: note.place)

    # -- upkeep

    async def keep(self, desk: Desk) -> None:
        await self._rate(desk)
        ratings = self._ratings | _ratings(self.fresh(desk.ask.id))
        total = sum(weight for seq, weight in ratings.items() if seq > self._upto)
        if total >= self._policy.threshold:
            await self._reflect(desk)

    async def _rate(self, desk: Desk) -> None:
        unrated = [line for line in self.lines if line.seq not in self._ratings]
        if len(unrated) < self._policy.batch:
            return
        batch = unrated[:RATED]
        reply = RATING * len(batch) + BESIDE
        batch = oldest(batch, desk.room("importance", reply))
        rated: Sequence[Line] = batch

        async def attempt(limit: int) -> str:
            nonlocal rated
            rated = oldest(batch, limit)
            return await desk.write(
                "importance",
                [line.text for line in rated],
                View(messages=tuple(line.seq for line in rated)),
                reply=reply,
                calls=self._calls,
                schema=replies.ratings_schema(len(rated)),
            )

        text = await shrinking(sum(line.tokens for line in batch), attempt)
        ratings = replies.read_ratings(text, len(rated), int(MIDDLE))
        memory = Remembered(
            memory="",
            form="importance",
            text=" ".join(map(str, ratings)),
            upto=rated[-1].seq,
            about=tuple(str(line.seq) for line in rated),
            weight=float(sum(ratings)),
        )
        await self.make(desk.ask, memory)

    async def _reflect(self, desk: Desk) -> None:
        number, last = self._policy.questions, self.lines[-1].seq
        reply = QUESTION * number + BESIDE
        notes = self._notes(desk.ask.id)[-ASKED_ABOUT:]
        schema = replies.questions_schema(number)
        text, shown = await self._write(desk, "questions", notes[::-1], reply, schema)
        questions = replies.read_questions(text, number)
        # It also says that there was reflection, whatever comes of it.
        memory = Remembered(
            memory="",
            form="questions",
            text="\n".join(questions),
            upto=last,
            about=tuple(str(note.key) for note in shown),
        )
        await self.make(desk.ask, memory)
        for question in questions:
            await self._conclude(desk, question, last)

    async def _conclude(self, desk: Desk, question: str, last: int) -> None:
        """Draw insights from what is retrieved for *question*."""
        policy = self._policy
        notes = self._notes(desk.ask.id)
        best = ranked(notes, grams(question), self.total, policy.decay)
        best = best[: max(1, policy.retrieved)]
        reply = INSIGHT * policy.insights + BESIDE
        schema = replies.insights_schema(policy.insights)
        text, shown = await self._write(desk, "insights", best, reply, schema)
        keys = {str(note.key) for note in shown}
        for insight in replies.read_insights(text, policy.insights):
            memory = Remembered(
                memory="",
                form="reflection",
                text=insight.text,
                upto=last,
                about=tuple(key for key in insight.grounds() if key in keys),
                weight=insight.importance,
            )
            await self.make(desk.ask, memory)

    async def _write(
        self,
        desk: Desk,
        form: str,
        notes: Sequence[Note],
        reply: int,
        schema: dict[str, Any],
    ) -> tuple[str, list[Note]]:
        """What the model writes about the first of *notes* that fit, and which those are."""
        shown: list[Note] = []

        async def attempt(limit: int) -> str:
            nonlocal shown
            shown = _ordered(_fitting(notes, limit))
            return await desk.write(
                form,
                [note.text for note in shown],
                _view(shown),
                reply=reply,
                calls=self._calls,
                schema=schema,
            )

        room = desk.room(form, reply)
        room = min(room, sum(note.tokens for note in notes))
        return await shrinking(room, attempt), shown

    # -- what is shown

    def recall(self, ask: Ask, limit: int) -> Recalled:
        policy = self._policy
        notes = self._notes(ask.id)
        recent = newest([*self.lines][-policy.recent :] if policy.recent else (), limit)
        seqs = {line.seq for line in recent}
        limit -= sum(line.tokens for line in recent)
        query = grams(ask.question.prompt())
        for line in [*self.lines][-AT_HAND:]:
            query |= self._grams[line.seq]
        older = [note for note in notes if note.key not in seqs]
        best = ranked(older, query, self.total, policy.decay)[: policy.retrieved]
        found = _fitting(best, limit)
        shown = _ordered([*found, *(note for note in notes if note.key in seqs)])
        view = _view(shown, self.total)
        return Recalled(tuple(note.text for note in shown), view)


def _fitting(notes: Sequence[Note], limit: int) -> list[Note]:
    """Those of *notes*, in order, that fit into *limit* tokens."""
    found: list[Note] = []
    for note in notes:
        if note.tokens <= limit:
            found.append(note)
            limit -= note.tokens
    return found


def _ordered(notes: Sequence[Note]) -> list[Note]:
    """Reflections first, then messages, each in the order in which they came."""
    return sorted(notes, key=lambda note: (isinstance(note.key, int), note.place))


def _view(shown: Sequence[Note], total: int | None = None) -> View:
    """The record of *shown*, out of *total* messages where it is for an answer."""
    messages = tuple(note.key for note in shown if isinstance(note.key, int))
    memories = tuple(note.key for note in shown if isinstance(note.key, str))
    dropped = 0 if total is None else total - len(messages)
    return View(messages=messages, memories=memories, dropped=dropped)


def _note(made: Made) -> Note:
    memory, text = made.memory, line_of_memory(made.memory)
    return Note(
        memory.memory,
        made.place,
        text,
        tokens(text) + 1,
        grams(memory.text),
        memory.weight,
    )


def _of(form: str, made: Sequence[Made]) -> list[Made]:
    return [one for one in made if one.memory.form == form]


def _ratings(made: Sequence[Made]) -> dict[int, float]:
    """What *made* says of the importance of messages."""
    return {
        int(seq): float(weight)
        for one in _of("importance", made)
        for seq, weight in zip(one.memory.about, one.memory.text.split(), strict=True)
    }
