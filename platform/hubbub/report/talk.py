"""An excerpt of the transcript: what was said, as inert text."""

from hubbub.report import page, words
from hubbub.report.excerpt import Excerpts, Talk
from hubbub.report.html import Html, el, quoted


def talk(excerpts: Excerpts) -> Html | None:
    """The first conversations and the last ones; None where nothing was said."""
    talks = excerpts.talks()
    if not talks:
        return None
    return el("div", *(_talk(r, t) for r, t in talks.items()), class_="talks")


def _talk(room: str, each: Talk) -> Html:
    lines = [
        el(
            "li",
            el("span", str(line.seq), class_="seq"),
            el(
                "p",
                el("b", quoted(line.sender, 64)),
                " ",
                quoted(line.text),
                page.badge("leaves", "plain") if line.left else None,
            ),
        )
        for line in each.lines
    ]
    rest = each.said - len(each.lines)
    more = page.words(f"and {words.count(rest, 'more line')}", "note") if rest else None
    return el(
        "article", el("h3", quoted(room, 80)), el("ol", *lines), more, class_="talk"
    )
