"""How a run goes, as far as every table must know: its rounds and its open phases."""

from bisect import bisect

from hubbub.messages import Message, PhaseClosed, PhaseOpened, RoundBegan


class Course:
    """A fold of the log.  Its memory grows with rounds and open phases alone."""

    def __init__(self) -> None:
        #: The phases that are open, by step.
        self.open: dict[int, PhaseOpened] = {}
        self._steps: list[int] = []
        self._rounds: list[int] = []

    def apply(self, message: Message) -> None:
        """Fold *message*, before any table does."""
        match message.body:
            case PhaseOpened() as opened:
                self.open[opened.step] = opened
            case PhaseClosed(step=step):
                self.open.pop(step, None)
            case RoundBegan(step=step, round=round):
                self._steps.append(step)
                self._rounds.append(round)
            case _:
                pass

    def round_of(self, step: int | None) -> int | None:
        """The round in which *step* was; for None the last one that has begun."""
        place = len(self._steps) if step is None else bisect(self._steps, step)
        return self._rounds[place - 1] if place else None


def step_of(id: str) -> int | None:
    """The step of an ask, turn, call or memory; None for a name that has none."""
    step = id.partition("/")[0]
    return int(step) if step.isascii() and step.isdigit() else None


def is_turn(id: str) -> bool:
    """Whether *id* is that of a chat turn, and not of an ask."""
    return id.count("/") > 1
