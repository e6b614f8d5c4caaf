"""A rule mind that contradicts: for each claim that it hears, its next words deny it."""

from hubbub.beliefs import Belief, Believe
from hubbub.messages import Message
from hubbub.mind import Ask, Part
from hubbub.questions import Speech, Turn, spoken
from hubbub_agents.claims import contacts, deny
from hubbub_agents.givers import Conditional


class Guardian(Conditional):
    """
    Denies every claim that somebody has affirmed since it last denied it.

    It believes none.  It passes its turn where there is nothing to deny.
    """

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        #: What has been claimed and not yet denied, in order.
        self.standing: dict[str, None] = {}

    def observe(self, event: Message) -> None:
        super().observe(event)
        own = event.sender == self.part.seat
        for contact in contacts(spoken(event)):
            if own:
                self.standing.pop(contact.claim, None)
            elif contact.affirmed:
                self.standing[contact.claim] = None

    async def act(self, ask: Ask) -> object:
        match ask.question:
            case Turn():
                return (
                    Speech(" ".join(map(deny, self.standing)))
                    if self.standing
                    else None
                )
            case Believe():
                return Belief(0.0)
            case _:
                return await super().act(ask)
