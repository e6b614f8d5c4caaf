"""A page that needs nothing besides itself, and runs nothing."""

import re
from pathlib import Path

import pytest

from hubbub.messages import Faulted, Said
from hubbub.population import Group, Population
from hubbub.report.charts import shares
from hubbub.report.html import el
from hubbub.report.network import layout, picture
from hubbub.report.page import POLICY
from hubbub.report.run import run_report

from ..console.feed import HOSTILE
from .filing import ACTIVE, Parsed, declare, file_run, parse, soiree

EVIL = (
    "<script>alert(1)</script>",
    "</style></svg><img src=http://evil.example/x onerror=alert(1)>",
    '"><iframe src="//evil.example">',
    "]]><!--<svg onload=alert(1)>",
    "&lt;script&gt; &#x3c;b&#62;",
    "\u0645\u0631\u062d\u0628\u0627 \u202egnp.exe \u2066x",
    *HOSTILE,
)


def check_inert(page: str) -> Parsed:
    """*page*, taken apart, of which everything holds that must hold of a page."""
    parsed = Parsed(page)
    tags = {tag for tag, _ in parsed.elements}
    assert not tags & ACTIVE
    ids = {attributes.get("id") for _, attributes in parsed.elements}
    for _, attributes in parsed.elements:
        assert not [name for name in attributes if name.startswith("on")]
        assert (
            not {"src", "srcset", "style", "action", "xlink:href"} & attributes.keys()
        )
        target = attributes.get("href")
        assert target is None or (target[0] == "#" and target[1:] in ids)
    assert not re.search(r"url\(|@import|expression|//", parsed.styles)
    assert not re.search(
        r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page
    )
    return parsed


def test_the_policy_lets_nothing_in(tmp_path: Path) -> None:
    """It comes before anything that could load, and allows styles in the page alone."""
    page = run_report(file_run(tmp_path / "run", soiree(2).end()))
    parsed = check_inert(page)

    (policy,) = [m for m in parsed.found("meta") if "http-equiv" in m]
    assert policy == {"http-equiv": "Content-Security-Policy", "content": POLICY}
    assert page.index("http-equiv") < page.index("<style")
    assert POLICY.startswith("default-src 'none';")
    assert "script" not in POLICY


@pytest.mark.parametrize("evil", EVIL)
def test_what_agents_say_stays_text(tmp_path: Path, evil: str) -> None:
    """Wherever it comes from: words, results, faults, options, parameters."""
    host = soiree(2, says=evil)
    host.scribe.write(Faulted(what=evil, ask=evil, raw=evil))
    declare(host, evil, evil)
    page = {"number": 1, "seat": evil, "sentences": [evil, evil], "faults": ["", evil]}
    declare(host, "page", page)
    declare(host, "game", {"game": evil, "gave": {evil: 1.0, "b": 2.0}})
    host.scribe.write(Said(text=evil), sender="<i>", room="hall")
    group = Group(count=3, mind="uniform", options={evil: evil})
    population = Population(scenario="cocktail-party", seats=(group,))
    folder = file_run(tmp_path / "run", host.end(), population, {evil: evil}, evil)
    parsed = check_inert(run_report(folder))

    if evil.isascii() and evil.isprintable():
        assert parsed.text.count(evil) > 8


def test_names_cannot_leave_a_drawing() -> None:
    """Seats are named in pictures too."""
    seat = "</text></svg><script>"
    places = layout(["a", seat], {("a", seat): 1}, seed=1)
    drawn = picture(seat, places, {("a", seat): 1}, 1)
    drawn = el("div", drawn, shares(seat, {seat: {"x": 1.0}}, {seat: seat}))

    check_inert(drawn)


def test_drawings_say_what_they_show(tmp_path: Path) -> None:
    """Each has a title for those who cannot see it."""
    parsed = parse(file_run(tmp_path / "run", soiree().end()))

    assert len(parsed.found("svg")) > 6
    assert all(svg["role"] == "img" for svg in parsed.found("svg"))
    assert len(parsed.found("title")) > len(parsed.found("svg"))
