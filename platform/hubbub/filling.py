"""What fills a seat, as the log has it: a mind, perhaps wrapped, perhaps gone."""

from hubbub.messages import Lifted, Message, Onset
from hubbub.mind import Ask, Wrapper
from hubbub.population import Cast
from hubbub.verdict import Verdict, judge

#: How every act ends of a seat that was ejected.
GONE = Verdict(outcome="absent", note="it has been ejected", tries=0)


class Filling:
    """
    The mind of one seat, and what was put around it.

    Given the same events in the same order it is the same again: an injection's
    beginning and end are among them, and no mind hears these.
    """

    def __init__(self, cast: Cast, seat: str) -> None:
        self.seed = cast.seed_of(seat)
        self.gone = False
        self._cast = cast
        self._seat = seat
        self._mind = cast.mind(seat)
        #: The wrappers on it by injection, the innermost first.
        self._wrappers: dict[str, Wrapper] = {}
        self._inner = self._mind

    def observe(self, event: Message) -> None:
        """Let the mind observe *event*, or be turned by it."""
        match event.body:
            case Onset(what=what):
                wrapper = self._cast.wrap(what, self._seat, self._mind)
                self._mind = self._wrappers[what.id] = wrapper
            case Lifted(surface="participant"):
                self.gone = True
            case Lifted(id=id):
                self._lift(id)
            case _:
                self._mind.observe(event)

    def _lift(self, id: str) -> None:
        self._wrappers.pop(id).lift()
        self._mind = self._inner
        for outer in self._wrappers.values():
            outer.inner = self._mind
            self._mind = outer

    async def judge(self, ask: Ask) -> Verdict:
        """How *ask* ends."""
        return GONE if self.gone else await judge(self._mind, ask)
