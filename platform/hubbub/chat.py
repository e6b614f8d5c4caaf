"""A chat as a fold of its room: who may speak, who has left, and when it is over."""

from hubbub.messages import (
    Joined,
    Left,
    Message,
    Passed,
    PhaseClosed,
    PhaseOpened,
    Said,
)


class Chat:
    """
    One open chat.

    A turn is a say, a pass or a leave.  A seat's turn is *due* when somebody else has
    taken one since its own last, or when it opens the chat; but who has passed waits
    for words.  Both the seats' hosts and the conductor keep this fold, so they agree
    without asking each other.
    """

    def __init__(self, opened: PhaseOpened, room: str) -> None:
        self.step = opened.step
        self.room = room
        self.turns = opened.turns
        self.budget = opened.budget
        self.pause = opened.pause
        self.open = True
        self.members = dict.fromkeys(opened.seats)
        self.said = 0
        self._prefix = f"{opened.step}/"
        self._opener = opened.opener
        self._seats = opened.seats
        self._present = opened.seats
        # How many members have turns left.
        self._able = len(self.members) if opened.turns else 0
        self._taken: dict[str, int] = {}
        self._last_own: dict[str, int] = {}
        # The last words' ``seq``, and what each seat had heard when it last passed.
        self._words = 0
        self._passed: dict[str, int] = {}
        # The last turn, and the last one by somebody other than its taker.
        self._latest = self._before = (0, "")

    def apply(self, message: Message) -> None:
        """Fold the next message of the room."""
        match message.body:
            case Said(turn=turn) if self._mine(turn):
                self._speak(message)
            case Passed(turn=turn) if self._mine(turn):
                # A pass answers no more than its seat had heard.
                self._passed[message.sender] = message.seen
                self._take(message, message.seen)
            case Joined(seats=seats, step=step) if step == self.step:
                self._welcome(seats, message.seq)
            case Left(seats=seats, turn=turn):
                if self._mine(turn):
                    self._speak(message)
                for seat in seats:
                    self._able -= self.may_speak(seat)
                    self.members.pop(seat, None)
                self._present = tuple(self.members)
            case PhaseClosed(step=step) if step == self.step:
                self.open = False
            case _:
                return

    def _welcome(self, seats: tuple[str, ...], seq: int) -> None:
        """Take in *seats*, who have nothing to answer that was said before *seq*."""
        for seat in seats:
            if seat not in self.members:
                self.members[seat] = None
                self._last_own.setdefault(seat, seq if self._latest[0] else 0)
                self._able += self.taken(seat) < self.turns
        self._seats = tuple(dict.fromkeys((*self._seats, *seats)))
        self._present = tuple(self.members)

    def _mine(self, turn: str) -> bool:
        # What an earlier chat of this room cut off may come after this one's opening.
        return turn.startswith(self._prefix)

    def _speak(self, message: Message) -> None:
        self.said += 1
        self._words = message.seq
        self._take(message, message.seq)

    def _take(self, message: Message, answers: int) -> None:
        seat = message.sender
        self._taken[seat] = self._taken.get(seat, 0) + 1
        self._able -= seat in self.members and self._taken[seat] == self.turns
        self._last_own[seat] = answers
        if self._latest[1] != seat:
            self._before = self._latest
        self._latest = (message.seq, seat)

    def taken(self, seat: str) -> int:
        """How many turns *seat* has taken."""
        return self._taken.get(seat, 0)

    def next_turn(self, seat: str) -> str:
        """The name of the next turn of *seat*, unique in the run."""
        return f"{self.step}/{seat}/{self.taken(seat) + 1}"

    def others(self, seat: str) -> tuple[str, ...]:
        """Who is still there beside *seat*."""
        # A room of a thousand asks this at every turn: copying twice is the quick way.
        if seat not in self.members:
            return self._present
        place = self._present.index(seat)
        return self._present[:place] + self._present[place + 1 :]

    def company(self, seat: str) -> tuple[str, ...]:
        """With whom *seat* came together, whoever has left."""
        return tuple(other for other in self._seats if other != seat)

    def may_speak(self, seat: str) -> bool:
        """Whether *seat* is here and has turns left."""
        return self.open and seat in self.members and self.taken(seat) < self.turns

    def due(self, seat: str) -> bool:
        """Whether *seat* has something to answer, or the chat to open."""
        if not self.may_speak(seat) or self._passed.get(seat, -1) >= self._words:
            return False
        if not self._latest[0]:
            return self._opener == seat or (not self._opener and self.pause is None)
        heard = (self._before if self._latest[1] == seat else self._latest)[0]
        return heard > self._last_own.get(seat, 0)

    def restless(self, seat: str) -> bool:
        """Whether a silent room may move *seat* to speak."""
        if self.pause is None or len(self.members) < 2:
            return False
        begun = self._latest[0] or not self._opener
        return bool(begun) and self.may_speak(seat)

    @property
    def over(self) -> bool:
        """Whether nobody will speak any more."""
        if not self.open or not self._able:
            return True
        if self.pause is not None and len(self.members) > 1:
            return False
        return not any(map(self.due, self.members))
