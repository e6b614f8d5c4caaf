"""What fills a seat, as the log has it: a mind, perhaps wrapped, deaf, still or gone."""

from hubbub.chaos import stops
from hubbub.links import Links
from hubbub.messages import KIND_OF, Lifted, Message, Muted, Onset, Toggled
from hubbub.mind import Ask, Wrapper
from hubbub.population import Cast
from hubbub.seat import Seat
from hubbub.verdict import Verdict, judge

#: How every act ends of a seat that was ejected or paused.  Others may hear it, so it
#: does not say which, or why.
GONE = Verdict(outcome="absent", note="nobody is there", tries=0)

#: What the filling of a seat is told of, besides what its mind hears.
_TURNING = frozenset(KIND_OF[body] for body in (Onset, Toggled, Lifted, Muted))


class Filling:
    """
    The mind of one seat, and what was put around it.

    Given the same events in the same order it is the same again: an injection's
    beginning, pauses and end are among them, and no mind hears these.
    """

    def __init__(self, cast: Cast, seat: str) -> None:
        self.seed = cast.seed_of(seat)
        self._cast = cast
        self._seat = seat
        self._mind = self._own = cast.mind(seat)
        #: The wrappers on it by injection, the innermost first, and those that stand
        #: aside for a while.
        self._wrappers: dict[str, Wrapper] = {}
        self._aside: set[str] = set()
        self._links = Links(seat, cast.population.seed)
        # Millions of events come to a run's seats, and hardly any of them over such links.
        self._clear = True
        self._gone = False
        #: What has the seat stand still, and whether it does for now.
        self._stops: dict[str, bool] = {}

    @property
    def still(self) -> bool:
        """Whether the seat is not to act, though it is there."""
        return any(self._stops.values()) and not self._gone

    def observe(self, event: Message) -> None:
        """
        Let the mind observe what it hears with *event*, or be turned by it.

        Of errors of the mind the first is raised, when all has been observed.
        """
        if self._clear and event.kind not in _TURNING:
            self._mind.observe(event)
            return
        if isinstance(event.body, Onset | Toggled | Lifted):
            heard = self._turn(event, event.body)
        else:
            heard = self._links.hear(event)
        self._clear = self._links.clear
        failed: list[Exception | SystemExit] = []
        for message in heard:
            try:
                self._mind.observe(message)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - raised below
                failed.append(error)
        if failed:
            raise failed[0]

    def _turn(self, event: Message, body: Onset | Toggled | Lifted) -> list[Message]:
        what = body.what if isinstance(body, Onset) else body
        match what.surface:
            case "participant":
                on = body.on if isinstance(body, Toggled) else isinstance(body, Onset)
                self._gone = not on
            case "compromise":
                try:
                    self._compromise(body)
                finally:
                    self._wrap()
            case "chaos":
                self._stop(body)
            case "impair":
                return self._links.turn(event)
        return []

    def _compromise(self, body: Onset | Toggled | Lifted) -> None:
        match body:
            case Onset(what=what):
                wrapper = self._cast.wrap(what, self._seat, self._mind)
                self._wrappers[what.id] = wrapper
            case Lifted(id=id):
                wrapper = self._wrappers.pop(id)
                if id not in self._aside:
                    wrapper.lift()
                self._aside.discard(id)
            case Toggled(id=id, on=True) if id in self._aside:
                self._aside.remove(id)
                self._wrappers[id].resume()
            case Toggled(id=id, on=False) if id in self._wrappers:
                self._aside.add(id)
                self._wrappers[id].lift()
            case _:
                pass

    def _wrap(self) -> None:
        """Put the wrappers that there are now around the mind."""
        self._mind = self._own
        for id, wrapper in self._wrappers.items():
            wrapper.inner = self._mind
            self._mind = _Aside(wrapper) if id in self._aside else wrapper

    def _stop(self, body: Onset | Toggled | Lifted) -> None:
        match body:
            case Onset(what=what) if stops(what):
                self._stops[what.id] = True
            case Toggled(id=id, on=on) if id in self._stops:
                self._stops[id] = on
            case Lifted(id=id):
                self._stops.pop(id, None)
            case _:
                pass

    async def judge(self, ask: Ask) -> Verdict:
        """How *ask* ends."""
        return GONE if self._gone else await judge(self._mind, ask)


def empty_box(seat: Seat, *fillings: Filling) -> None:
    """
    Let *fillings* of *seat* observe what is in its mailbox.

    It has been observed before: what the mind could not take then is in the log.
    """
    for event in seat.box:
        for filling in fillings:
            try:
                filling.observe(event)
            except (Exception, SystemExit):  # noqa: BLE001, S112 - the log has it
                continue
    seat.box.clear()


class _Aside(Wrapper):
    """Stands where *wrapper* did, which goes on observing, and lets the inner mind act."""

    def __init__(self, wrapper: Wrapper) -> None:
        super().__init__(wrapper.part, wrapper.inner)
        self._wrapper = wrapper

    def observe(self, event: Message) -> None:
        self._wrapper.observe(event)
