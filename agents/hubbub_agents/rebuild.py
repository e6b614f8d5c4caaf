"""
The ledger of contexts: from a call's view and the log, its prompts, byte for byte.

A view names the messages and memories that a prompt showed.  With the question, which
follows from the log up to the call's ``seen``, and for a repair the replies before it,
that is everything a `ModelMind` puts into a prompt.
"""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import msgspec

from hubbub.acts import find
from hubbub.errors import UsageError
from hubbub.floor import Floor
from hubbub.folder import RunFolder
from hubbub.ledger import read_records
from hubbub.log import read_log
from hubbub.messages import Called, Message, Remembered
from hubbub.mind import Ask, Question, Unparsed
from hubbub.models.base import Call, Prompt, Reply, Request, View
from hubbub.population import Cast, Population
from hubbub.replay import arrivals
from hubbub.seat import Seat
from hubbub.text import safe_text, without_surrogates
from hubbub.verdict import MAX_SHOWN, read_answer
from hubbub_agents.lines import line_of, line_of_memory, longest
from hubbub_agents.prompting import compose, question_of, repair, system_of, task_of

_call = msgspec.json.Decoder(Call).decode


def rebuild(
    call: Call, log: Iterable[Message], population: Population
) -> tuple[Prompt, ...]:
    """
    The prompts of *call*, by a seat of *population*, without looking at its request.

    *log* has the calls' whole records, as a bus has it.  For many calls of one log,
    make a `Past`.  Raises `UsageError` for a call that is not in the log.
    """
    return Past(log, Cast(population)).prompts(call)


def read_past(path: Path) -> "Past":
    """
    What the run folder at *path* says was before each of its calls.

    Raises `NotARun`, `LogDamaged`, and whatever else a folder's files are refused for.
    """
    folder = RunFolder(path)
    records = {record.seq: record.call for record in read_records(folder.calls)}

    def whole(message: Message) -> Message:
        if not isinstance(message.body, Called):
            return message
        body = msgspec.structs.replace(message.body, record=records[message.seq])
        return msgspec.structs.replace(message, body=body)

    return Past(map(whole, read_log(folder.log)), Cast(folder.population()))


class Past:
    """What a log says was before each of its calls."""

    def __init__(self, log: Iterable[Message], cast: Cast) -> None:
        """*log* has the calls' whole records."""
        self._cast = cast
        self._messages = {message.seq: message for message in log}
        self._memories: dict[tuple[str, str], Remembered] = {}
        # The calls of each ask by the place in its act, and the question.
        self._calls: defaultdict[str, dict[int, Call]] = defaultdict(dict)
        self._questions: dict[str, Question[object]] = {}
        self._read()

    def _read(self) -> None:
        asked: defaultdict[int, set[tuple[str, str]]] = defaultdict(set)
        for message in self._messages.values():
            match message.body:
                case Remembered() as memory:
                    self._memories[message.sender, memory.memory] = memory
                case Called(call=id, record=record):
                    ask, _, draw = id.rpartition("/")
                    self._calls[ask][int(draw)] = _call(record)
                    asked[message.seen].add((message.sender, ask))
                case _:
                    pass
        newcomers = arrivals(self._messages.values(), self._cast)
        names = (*self._cast.names, *newcomers)
        floor = Floor(Seat(name, newcomers.get(name, 0)) for name in names)
        for seq, message in self._messages.items():
            floor.apply(message)
            for seat, ask in asked[seq]:
                act = find(ask, floor.seats[seat], self._cast.scenario)
                if act is not None:
                    self._questions[ask] = act.question

    def calls(self) -> list[Call]:
        """Every call, ask by ask."""
        return [call for calls in self._calls.values() for call in calls.values()]

    def prompts(self, call: Call) -> tuple[Prompt, ...]:
        """The prompts of *call*; raises `UsageError` where the log does not have it."""
        part, view = self._cast.part(call.seat), call.view
        ask, _, draw = call.call.rpartition("/")
        if ask not in self._questions or not draw.isdigit():
            raise UsageError(f"the log has no call {safe_text(call.call, 100)!r}")
        lines = self._lines(call.seat, view)
        if view.form:
            task = task_of(part, view.form)
            return compose(system_of(part), lines, view.dropped, task)
        question = self._questions[ask]
        shown = compose(system_of(part), lines, view.dropped, question_of(question))
        return (*shown, *repair(self._ask(call, question, int(draw))))

    def _lines(self, seat: str, view: View) -> list[str]:
        memories = (self._memories[seat, id] for id in view.memories)
        most = longest(self._cast.part(seat).context)
        messages = (line_of(self._messages[seq], seat, most) for seq in view.messages)
        return [*map(line_of_memory, memories), *filter(None, messages)]

    def _ask(self, call: Call, question: Question[object], draw: int) -> Ask:
        """The ask as it stood at *call*, after the answers before it."""
        id = call.call.rpartition("/")[0]
        ask = Ask(
            id=id,
            seat=call.seat,
            seed=self._cast.seed_of(call.seat),
            question=question,
            budget=0.0,
            complete=_over,
            remember=_done,
        )
        for place, earlier in sorted(self._calls[id].items()):
            if place < draw and not earlier.view.form and earlier.reply is not None:
                ask = _again(ask, earlier.reply.text)
        return ask


def _again(ask: Ask, text: str) -> Ask:
    """*ask* after the answer *text*, which was none."""
    try:
        read_answer(Unparsed(text), ask)
    except ValueError as error:
        raw = without_surrogates(text)[:MAX_SHOWN]
        return ask.again(safe_text(str(error), 500), raw)
    raise UsageError(f"{ask.id} was answered, and there are calls after it")


async def _over(request: Request, view: View) -> Reply:
    raise AssertionError(request)


async def _done(memory: Remembered) -> None:
    raise AssertionError(memory)
