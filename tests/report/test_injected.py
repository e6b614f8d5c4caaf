"""What was injected into a run, on its page: beside its twin, or by itself."""

from pathlib import Path

import msgspec

from hubbub.folder import Origin

from ..measures.telling import Tale, infiltrated
from .filing import file_run, parse


def test_a_run_without_injections_has_no_such_section(tmp_path: Path) -> None:
    """There is nothing to be said."""
    page = parse(file_run(tmp_path / "run", infiltrated(comes=False).messages))

    assert "What was injected" not in page.text


def test_an_effect_stands_beside_its_twin(tmp_path: Path) -> None:
    """Who, what changed for whom, which words went where, and that one pair is one."""
    present = file_run(tmp_path / "present", infiltrated(comes=True).messages)
    twin = file_run(tmp_path / "absent", infiltrated(comes=False).messages)
    origin = Origin(run=present.run, seq=1, hash="")
    twin.save(msgspec.structs.replace(twin.manifest, origin=origin))
    page = parse(present)

    for words in (
        "i1: compromise of A",
        "Belief, by distance from the adversary",
        "At the end the difference is 0.150; over seats it is 0.300 for each exposure",
        "Who carried it is so",
        "One pair of runs: it has no interval",
    ):
        assert words in page.text


def test_without_a_twin_what_is_known_is_told(tmp_path: Path) -> None:
    """And what is needed to know more."""
    page = parse(file_run(tmp_path / "run", infiltrated(comes=True).messages))

    assert "Who was exposed" in page.text
    assert "hubbub fork makes one" in page.text
    assert "by distance" not in page.text


def test_what_is_traced_is_inert(tmp_path: Path) -> None:
    """A claim is words that somebody has chosen."""
    tale = Tale("AB")
    tale.turn("A", claim="<img src=x onerror=alert(1)>\x1b[2J")
    page = parse(file_run(tmp_path / "run", tale.messages))

    assert not page.found("img")
    assert "onerror" in page.text
    assert "\x1b" not in page.text
