"""What a rule mind sees others do wrong, and what it does about it when it is asked."""

from collections import defaultdict
from fractions import Fraction
from typing import Annotated

import msgspec

from hubbub.dilemmas import PAYOFF, Payoff, cents
from hubbub.messages import Asked, Contributed, Message, Ticked
from hubbub.names import CONDUCTOR
from hubbub.questions import spoken
from hubbub.regulation import Deed, Deeds, Power, Regulate, deed, power_of
from hubbub.rulings import FLAGS, Complaint
from hubbub_agents.claims import contacts

_payoff = msgspec.json.Decoder(Payoff).decode
_flags = msgspec.json.Decoder(list[Complaint]).decode
_deeds = msgspec.json.Decoder(Deeds).decode


class _Tag(msgspec.Struct):
    type: str = ""


_tag = msgspec.json.Decoder(_Tag).decode


class WatchOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    Whom a mind holds to do wrong, and by which of its powers it does something.

    *uses*: the powers; without one it does nothing about anybody.  *least*: who gives
    less than this share of what the others in a game gave on average does wrong.
    *falsehoods*: claims that are wrong to make.  *words*: words that are wrong to say,
    such as the mark of an instruction.  *heeds*: so many seats' flags, at any time and its
    own among them, count as having seen it now, for all but flags and reports; 0: no
    number does.
    """

    uses: tuple[Power, ...] = ()
    least: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    falsehoods: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    heeds: Annotated[int, msgspec.Meta(ge=0)] = 0


class Watch:
    """
    The eyes of the mind in *seat*: a fold of what it has heard.

    It acts on what it has seen since it was last asked, and on flags at any time.  Of who
    gave what it knows what games reveal, and a named partner's gift in a game of two.
    """

    def __init__(self, seat: str, options: WatchOptions) -> None:
        self._seat = seat
        self._options = options
        #: Why, of each seat that was seen to do wrong since the last review, and before.
        self._fresh: dict[str, str] = {}
        self._due: dict[str, str] = {}
        self._flaggers: defaultdict[str, set[str]] = defaultdict(set)
        # The review that it was asked for last, and what need not be done again.
        self._review = ""
        self._lasting: set[Deed] = set()

    def observe(self, event: Message) -> None:
        """Fold *event*."""
        match event.body:
            case Asked(question=question, ask=ask):
                if _tag(question).type == "regulate":
                    self._due, self._fresh, self._review = self._fresh, {}, ask
            case Contributed(ask=ask, outcome="answered") if ask == self._review:
                done = _deeds(event.body.answer).deeds
                self._lasting.update(d for d in done if power_of(d) in ("shun", "mute"))
            case Ticked(name=name, value=value) if name == PAYOFF:
                self._look(_payoff(value))
            case Ticked(name=name, value=value) if name == FLAGS:
                for flag in _flags(value):
                    self._flaggers[flag.seat].add(flag.by)
            case _ if event.sender not in (self._seat, CONDUCTOR):
                self._listen(event.sender, spoken(event))
            case _:
                pass

    def _look(self, payoff: Payoff) -> None:
        gave = dict(payoff.gave)
        if payoff.players == 2 and payoff.partners:
            gave[payoff.partners[0]] = payoff.others(self._seat)
        if len(gave) < payoff.players:
            return
        least, total = (
            Fraction(str(self._options.least)),
            sum(map(cents, gave.values())),
        )
        for seat, gift in gave.items():
            others = Fraction(total - cents(gift), len(gave) - 1)
            if seat != self._seat and cents(gift) < least * others:
                self._fresh[seat] = "gives too little"

    def _listen(self, sender: str, text: str) -> None:
        if any(word in text for word in self._options.words):
            self._fresh[sender] = "says what nobody should repeat"
        for contact in contacts(text):
            if contact.affirmed and contact.claim in self._options.falsehoods:
                self._fresh[sender] = "says what is not true"

    def deeds(self, question: Regulate) -> Deeds:
        """What it does at the review that *question* is asked for."""
        done = [
            deed(power, seat, self._due.get(seat, ""))
            for seat in question.others
            for power in question.powers
            if power in self._options.uses and self._does(power, seat)
        ]
        return Deeds(tuple(each for each in done if each not in self._lasting))

    def _does(self, power: Power, seat: str) -> bool:
        if seat in self._due:
            return True
        # A flag for a flag would go round for ever.
        if power in ("flag", "report") or not self._options.heeds:
            return False
        return len(self._flaggers[seat]) >= self._options.heeds
