"""A chat as a fold of its room: who is due, who may speak, and when it is over."""

from hubbub.chat import Chat
from hubbub.messages import Body, Left, Passed, PhaseClosed, PhaseOpened, Said

from .playing import Scribe


class Talk:
    """A chat of step 7 in the hall, and what is said in it."""

    def __init__(
        self,
        *seats: str,
        turns: int = 3,
        opener: str = "",
        pause: float | None = None,
    ) -> None:
        self.scribe = Scribe()
        self.opened = PhaseOpened(
            step=7,
            form="chat",
            what="hall",
            seats=seats,
            turns=turns,
            opener=opener,
            pause=pause,
        )
        self.chat = Chat(self.opened, "hall")
        self.add(self.opened, "conductor")

    def add(self, body: Body, seat: str, seen: int = -1) -> None:
        """*seat*, which has read everything or up to *seen*, adds *body*."""
        self.chat.apply(self.scribe.write(body, seat, "hall", seen=seen))

    def say(self, seat: str) -> None:
        """*seat* speaks."""
        self.add(Said(text="words", turn=self.chat.next_turn(seat)), seat)

    def skip(self, seat: str, seen: int = -1) -> None:
        """*seat* passes."""
        self.add(Passed(turn=self.chat.next_turn(seat)), seat, seen)

    def leave(self, seat: str) -> None:
        """*seat* leaves with a word."""
        turn = self.chat.next_turn(seat)
        self.add(Left(seats=(seat,), text="bye", turn=turn), seat)

    @property
    def due(self) -> list[str]:
        """Who is due, in order."""
        return [seat for seat in self.opened.seats if self.chat.due(seat)]


def test_an_opener_begins() -> None:
    """Before a word is said only the opener is due; without one, everybody."""
    assert Talk("a", "b", opener="b").due == ["b"]
    assert Talk("a", "b").due == ["a", "b"]


def test_who_has_been_spoken_to_is_due() -> None:
    """A word makes everybody else due, and its speaker not."""
    talk = Talk("a", "b", "c", opener="a")
    talk.say("a")

    assert talk.due == ["b", "c"]


def test_own_words_do_not_answer_themselves() -> None:
    """Who was the last to speak waits for somebody else."""
    talk = Talk("a", "b", opener="a")
    talk.say("a")
    talk.say("b")

    assert talk.due == ["a"]


def test_turns_are_numbered_by_seat() -> None:
    """A turn's name is its step's, its seat's, and its number."""
    talk = Talk("a", "b")
    talk.say("a")

    assert talk.chat.next_turn("a") == "7/a/2"
    assert talk.chat.next_turn("b") == "7/b/1"


def test_no_more_turns_than_there_are() -> None:
    """Who has had all its turns is not due, and when nobody has any it is over."""
    talk = Talk("a", "b", turns=1, opener="a")
    talk.say("a")
    assert talk.due == ["b"]
    talk.say("b")

    assert talk.due == []
    assert talk.chat.over


def test_who_leaves_is_gone() -> None:
    """The last word is said; the others may answer it and each other."""
    talk = Talk("a", "b", "c", opener="a")
    talk.leave("a")

    assert talk.due == ["b", "c"]
    assert talk.chat.others("b") == ("c",)
    assert not talk.chat.may_speak("a")
    assert talk.chat.said == 1


def test_the_last_one_has_one_more_word() -> None:
    """Alone, a seat answers the parting word and no more."""
    talk = Talk("a", "b", opener="a")
    talk.leave("a")
    assert talk.due == ["b"]
    assert talk.chat.company("b") == ("a",)
    talk.say("b")

    assert talk.chat.over


def test_who_passes_waits_for_words() -> None:
    """A pass makes the others due once; when all have passed, nobody is."""
    talk = Talk("a", "b", opener="a")
    talk.say("a")
    talk.skip("b")
    assert talk.due == ["a"]
    talk.skip("a")

    assert talk.due == []
    assert talk.chat.over


def test_words_end_the_passing() -> None:
    """Who has passed is due again when somebody speaks."""
    talk = Talk("a", "b", opener="a")
    talk.skip("a")
    assert talk.due == ["b"]
    talk.say("b")

    assert talk.due == ["a"]


def test_a_pass_that_crossed_words_does_not_answer_them() -> None:
    """Who passed before it could hear a word is still due for it."""
    talk = Talk("a", "b")
    talk.say("a")
    talk.skip("b", seen=1)

    assert talk.due == ["a", "b"]


def test_what_an_earlier_chat_cut_off_is_no_turn() -> None:
    """Words that cross from a chat before into the same room count for nothing."""
    talk = Talk("a", "b", opener="a")
    talk.add(Said(text="late", turn="5/b/2"), "b")
    talk.add(Passed(turn="5/a/2"), "a")

    assert talk.due == ["a"]
    assert talk.chat.said == 0
    assert talk.chat.taken("b") == 0


def test_a_close_is_the_end() -> None:
    """After its own close nobody may speak; another step's does not concern it."""
    talk = Talk("a", "b", opener="a")
    talk.add(PhaseClosed(step=6, why="over"), "conductor")
    assert talk.due == ["a"]
    talk.add(PhaseClosed(step=7, why="deadline"), "conductor")

    assert talk.due == []
    assert talk.chat.over


def test_without_turns_it_is_over_at_once() -> None:
    """A chat of no turns has nobody who may speak."""
    assert Talk("a", "b", turns=0).chat.over


def test_silence_moves_in_a_room_with_pauses() -> None:
    """With a pause nobody is due before a word, and everybody restless."""
    talk = Talk("a", "b", pause=1.0)

    assert talk.due == []
    assert talk.chat.restless("a")
    assert not talk.chat.over


def test_a_room_with_pauses_talks_until_the_turns_are_out() -> None:
    """Who still has turns is moved even when all others have none."""
    talk = Talk("a", "b", turns=1, pause=1.0)
    talk.say("a")
    assert not talk.chat.restless("a")
    assert talk.chat.restless("b")
    talk.skip("b")

    assert talk.chat.over


def test_nobody_is_restless_alone() -> None:
    """With nobody to hear it, silence moves nobody."""
    talk = Talk("a", "b", pause=1.0)
    talk.leave("a")
    talk.say("b")

    assert not talk.chat.restless("b")
    assert talk.chat.over


def test_an_opener_comes_before_the_restless() -> None:
    """In a room with pauses too, silence moves the others only once it has begun."""
    talk = Talk("a", "b", opener="a", pause=1.0)
    assert talk.due == ["a"]
    assert not talk.chat.restless("b")
    talk.skip("a")

    assert talk.due == ["b"]
    assert talk.chat.restless("a")
