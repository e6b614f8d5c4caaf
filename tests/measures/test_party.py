"""Reading a party: what counts as an invitation, a conversation and a round."""

import msgspec
import pytest

from hubbub.measures.party import Party
from hubbub.measures.reading import read_party
from hubbub.messages import Asked, Left, Passed, Said
from hubbub.mind import Question
from hubbub.questions import Invite, Speech, Turn

from .hosting import Host


@pytest.fixture
def host() -> Host:
    return Host("A", "B", "C")


def invitations(party: Party) -> list[tuple[str, str | None, bool]]:
    """Who invited whom, and whether it was accepted."""
    return [(each.inviter, each.invitee, each.accepted) for each in party.invited]


def test_an_accepted_invitation_leads_to_a_conversation(host: Host) -> None:
    """Who invited is told apart from who was invited."""
    host.begin()
    host.invite(A="B", B="passed", C="B")
    host.accept(B=["C"])
    host.chat("C", "B", "hello", "oh", leaves="B")
    party = read_party(host.end())
    (talk,) = party.conversations

    assert invitations(party) == [
        ("A", "B", False),
        ("B", None, False),
        ("C", "B", True),
    ]
    assert (talk.round, talk.inviter, talk.partner) == (1, "C", "B")
    assert [said.sender for said in talk.utterances] == ["C", "B", "B"]
    assert talk.text == "hello\noh\nbye"
    assert talk.left == ("B",)


def test_every_ask_has_its_outcome(host: Host) -> None:
    """A pass, a late answer and a seat that never replied invite nobody."""
    host.begin()
    host.invite(A="passed", B="C", late=["B"])
    party = read_party(host.end())

    assert [each.outcome for each in party.invited] == ["passed", "late", "absent"]
    assert not any(each.invitee for each in party.invited)


def test_an_invitation_says_how_it_was_replied_to(host: Host) -> None:
    """None where the invitee was not asked, as when the phase broke down."""
    host.begin()
    host.invite(A="B", B="C", C="A")
    host.accept(B="model_error", C=["B"], late=["C"])
    party = read_party(host.end())

    assert [each.reply for each in party.invited] == ["model_error", "late", None]
    assert not any(each.accepted for each in party.invited)


def test_an_answer_that_is_late_is_none_though_it_says_answered(host: Host) -> None:
    """A place after the close decides, as everywhere."""
    host.begin()
    host.invite(A="B", B="C", C="A", late=["A", "C"])

    assert [each.invitee for each in read_party(host.end()).invited] == [
        None,
        "C",
        None,
    ]


def test_a_round_that_is_not_over_is_left_out(host: Host) -> None:
    """A run that goes on is measured up to its last full round."""
    host.begin()
    host.invite(A="B")
    host.begin()
    host.invite(B="A")
    party = read_party(host.messages)

    assert party.rounds == 1
    assert {each.round for each in party.invited} == {1}


def test_an_empty_round_is_a_round(host: Host) -> None:
    """Nobody invited anybody, and it counts."""
    host.begin()
    host.invite(A="passed", B="passed", C="passed")
    host.begin()
    party = read_party(host.end())

    assert party.rounds == 2
    assert party.conversations == ()


def test_a_log_without_rounds_has_no_party(host: Host) -> None:
    """Nor has one that has only begun."""
    assert read_party([]) == Party(seats=(), rounds=0)
    assert read_party(host.messages).rounds == 0


def test_words_after_the_close_are_no_utterances(host: Host) -> None:
    """Nor are blank ones, nor turns of another step, nor what others say there."""
    host.begin()
    step = host.chat("A", "B", "hello", " ", "there")
    room = f"chat-{step}-A-B"
    host.scribe.write(Said(text="late", turn=f"{step}/A/9"), sender="A", room=room)
    host.scribe.write(Left(seats=("A",), turn=f"{step}/A/9"), sender="A", room=room)
    (talk,) = read_party(host.end()).conversations

    assert talk.text == "hello\nthere"
    assert talk.left == ()


def test_what_is_no_turn_of_the_two_is_no_utterance(host: Host) -> None:
    """A conductor's post, a pass and an old turn are not what they say to each other."""
    host.begin()
    step = host.chat("A", "B")
    room = f"chat-{step}-A-B"
    log = host.messages
    closing = log.pop()
    host.scribe.write(Said(text="ladies and gentlemen"), room=room)
    host.scribe.write(Said(text="old", turn="0/A/1"), sender="A", room=room)
    host.scribe.write(Said(text="me too", turn=f"{step}/C/1"), sender="C", room=room)
    host.scribe.write(Passed(turn=f"{step}/B/1"), sender="B", room=room)
    host.scribe.write(closing.body, room=room)
    party = read_party(host.end())

    assert len(party.conversations) == 1
    assert party.held == ()


def test_a_conversation_that_came_of_no_invitation_is_not_the_partys(
    host: Host,
) -> None:
    """In a round with invitations; each accepted one leads to one conversation."""
    host.begin()
    host.invite(A="B", B="A", C="A")
    host.accept(A=["B"], B=["A"])
    host.chat("A", "B", "hello")
    host.chat("A", "B", "again")
    host.chat("C", "B", "from elsewhere")
    party = read_party(host.end())

    assert [talk.text for talk in party.conversations] == ["hello"]


def test_without_invitations_all_conversations_of_two_count(host: Host) -> None:
    """A scenario may bring guests together itself."""
    host.begin()
    host.chat("B", "A", "hello")
    party = read_party(host.end())

    assert party.seats == ("A", "B")
    assert party.held[0].pair == {"A", "B"}


def test_the_party_ends_where_other_rounds_begin(host: Host) -> None:
    """Another game's rounds after it count from one again."""
    host.begin()
    host.invite(A="B")
    host.begin(number=1)
    host.invite(C="B")
    host.begin(number=2)
    party = read_party(host.end())

    assert party.rounds == 1
    assert [each.invitee for each in party.invited] == ["B", None, None]


def test_other_rounds_conversations_are_not_the_partys(host: Host) -> None:
    """Nor is a round skipped that the log does not have."""
    host.begin()
    host.chat("A", "B", "hello")
    host.begin(number=1)
    host.chat("A", "C", "now to work")
    party = read_party(host.end())

    assert party.rounds == 1
    assert [talk.text for talk in party.conversations] == ["hello"]


@pytest.mark.parametrize("number", [1, 2])
def test_the_party_ends_where_pairs_are_chosen_for_something_else(
    host: Host, number: int
) -> None:
    """A seat is asked to invite once in a round, and for that round."""
    host.begin(number=1)
    host.invite(A="B")
    host.round = number
    host.invite(A="C")
    host.accept(C=["A"])
    host.chat("A", "C", "now to work")
    party = read_party(host.end())

    assert party.rounds == 1
    assert [each.invitee for each in party.invited] == ["B", None, None]
    assert party.conversations == ()


def test_a_probe_invites_nobody(host: Host) -> None:
    """It only asks whom a seat would invite."""
    host.begin()
    question = msgspec.Raw(
        msgspec.json.encode(Invite(round=1, rounds=1, others=("B",)))
    )
    probe = Asked(
        ask="9/A", step=9, question=question, reply="@x", budget=1.0, probe=True
    )
    host.scribe.write(probe, room="@A")
    host.invite(A="B")

    assert len(read_party(host.end()).invited) == 3


class Beckon(Question[Speech], frozen=True, kw_only=True, tag="invite"):
    """Another scenario's question, with a tag of ours."""


def test_other_questions_are_passed_over(host: Host) -> None:
    """Also such as have the same tag."""
    host.begin()
    turn = Turn(room="r", others=(), turn=1, turns=1)
    host.ask({"A": turn, "B": Beckon()}, {"A": "passed", "B": "passed"})

    assert read_party(host.end()).invited == ()


def test_guests_are_those_who_could_take_part() -> None:
    """Others of the run are not at the party, and do not count as lonely."""
    host = Host("M", "A", "B")
    host.begin()
    host.ask({"B": Invite(round=1, rounds=1, others=("A",))}, {"B": "passed"})

    assert read_party(host.end()).seats == ("A", "B")
