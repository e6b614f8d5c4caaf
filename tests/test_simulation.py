"""Random games under random blows, and games that are their seed's alone."""

import pytest

from hubbub.messages import Message
from hubbub.population import Cast, Group, Population

from . import simulation
from .leaping import in_no_time
from .playing import contributions, conversations, play


@pytest.mark.parametrize("seed", range(60))
def test_a_disturbed_game_comes_to_the_same(seed: int) -> None:
    """Who dies, sleeps or comes late changes nothing in what is said and answered."""
    simulation.calm(seed)


@pytest.mark.parametrize("seed", range(60))
def test_a_disturbed_record_cannot_lie(seed: int) -> None:
    """With deadlines and crossing words too, the log and all who read it agree."""
    simulation.wild(seed)


@pytest.mark.parametrize("seed", range(60))
def test_what_is_on_record_is_used(seed: int) -> None:
    """No host calls a model, or remembers, what an earlier one has on record."""
    simulation.musing(seed)


@pytest.mark.parametrize("seed", range(60))
def test_a_besieged_game_is_its_record(seed: int) -> None:
    """Who is injected and ejected meanwhile comes once and goes once."""
    simulation.besieged(seed)


def party(mind: str, seed: int) -> Cast:
    """A cocktail party of ten rule minds."""
    group = Group(count=10, mind=mind)
    return Cast(
        Population(
            scenario="cocktail-party",
            seed=seed,
            parameters={"rounds": 4},
            seats=(group,),
        )
    )


def results(messages: list[Message]) -> object:
    """Invitations, acceptances and outcomes, and what was said in each conversation."""
    return contributions(messages), conversations(messages)


@pytest.mark.parametrize("mind", ["uniform", "reinforcement"])
@in_no_time
async def test_the_same_seed_is_the_same_party(mind: str) -> None:
    """Rule minds do the same again, on one worker or on three; another seed does not."""
    once = results(await play(party(mind, 7)))

    assert results(await play(party(mind, 7))) == once
    assert results(await play(party(mind, 7), workers=3)) == once
    assert results(await play(party(mind, 8))) != once
