"""What talkers talk about: topics, their words, and sentences made of them."""

import random

TOPICS: dict[str, tuple[str, ...]] = {
    "sea": ("tides", "harbour", "lighthouse", "driftwood", "currents", "gulls"),
    "music": ("melody", "violin", "chorus", "rhythm", "cadence", "drums"),
    "garden": ("seedlings", "orchard", "compost", "roses", "hedges", "tomatoes"),
    "stars": ("comets", "eclipse", "telescope", "galaxies", "orbits", "meteors"),
    "cooking": ("saffron", "dough", "broth", "pepper", "chestnuts", "marmalade"),
    "history": ("archives", "empires", "treaties", "ruins", "manuscripts", "pilgrims"),
    "machines": ("gears", "turbines", "pistons", "circuits", "pulleys", "engines"),
    "dreams": ("lullabies", "riddles", "mirrors", "labyrinths", "shadows", "masks"),
}

_OPENINGS = (
    "Lately I keep thinking about",
    "Have you ever wondered about",
    "I could talk all evening about",
    "Somebody should write a book about",
    "What I like most is the sight of",
    "Nothing calms me more than",
)
_LINKS = ("and", "or perhaps", "next to", "more than")


def sentence(topic: str, rng: random.Random) -> str:
    """A sentence about *topic*, with two of its words."""
    first, second = rng.sample(TOPICS[topic], 2)
    return f"{rng.choice(_OPENINGS)} {first} {rng.choice(_LINKS)} {second}."
