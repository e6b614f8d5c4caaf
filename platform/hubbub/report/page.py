"""The page: its head, its looks, and the parts that sections are made from."""

from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import NamedTuple

from hubbub.report.html import Child, Html, el, join

#: Nothing is loaded from anywhere and nothing is executed.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
#: Rows of a table; what is beyond is counted.
ROWS = 60


class Section(NamedTuple):
    """A part of a page, to which the list of contents leads by its *name*."""

    name: str
    title: str
    body: Html


def page(title: str, head: Html, sections: Sequence[Section], foot: Html) -> str:
    """The whole file: *head*, the contents, *sections*, *foot*."""
    styles = resources.files("hubbub.report").joinpath("style.css").read_text("utf-8")
    links = [el("a", each.title, href=f"#{each.name}") for each in sections]
    body = el(
        "body",
        el("header", head),
        el("nav", *links, aria_label="Contents"),
        el("main", *map(_section, sections)),
        el("footer", foot),
    )
    top = el(
        "head",
        el("meta", charset="utf-8"),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", title),
        el("style", Html(styles)),
    )
    return f"<!doctype html>\n{el('html', top, body, lang='en')}\n"


def _section(section: Section) -> Html:
    return el("section", el("h2", section.title), section.body, id=section.name)


def words(text: Child, kind: str | None = None) -> Html:
    """A paragraph."""
    return el("p", text, class_=kind)


def badge(text: str, tone: str) -> Html:
    """A word that must be seen: *tone* is ``good``, ``bad`` or ``plain``."""
    return el("span", text, class_=f"badge {tone}")


def tiles(facts: Mapping[str, Child]) -> Html:
    """The figures that sum a run up, largest first to be seen."""
    return el(
        "dl",
        *(
            el("div", el("dt", name), el("dd", value))
            for name, value in facts.items()
            if value is not None
        ),
        class_="tiles",
    )


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[Child]],
    *,
    left: int = 1,
    limit: int = ROWS,
) -> Html:
    """
    A table, of which the first *left* columns are words and the rest numbers.

    After *limit* rows the others are only counted.
    """
    every = [*rows]
    shown = [
        el("tr", *(el("td", v, class_=_kind(i, left)) for i, v in enumerate(row)))
        for row in every[:limit]
    ]
    heads = [el("th", h, class_=_kind(i, left)) for i, h in enumerate(head)]
    more = None
    if len(every) > limit:
        more = el("p", f"and {len(every) - limit:,} more", class_="note")
    inner = el(
        "table", el("thead", el("tr", *heads)), el("tbody", *shown) if shown else None
    )
    return join([el("div", inner, class_="scroll"), more])


def facts(pairs: Mapping[str, Child]) -> Html:
    """A table of two columns: a name, and what holds of it."""
    return el(
        "div",
        el(
            "table",
            el(
                "tbody",
                *(
                    el("tr", el("th", name, scope="row"), el("td", value))
                    for name, value in pairs.items()
                    if value is not None
                ),
            ),
            class_="facts",
        ),
        class_="scroll",
    )


def figure(
    title: str, drawing: Html, caption: Child, *more: Html, wide: bool = False
) -> Html:
    """A drawing with its title and with words on how to read it."""
    return el(
        "figure",
        el("h3", title),
        drawing,
        el("figcaption", caption),
        *more,
        class_="wide" if wide else None,
    )


def figures(*parts: Html) -> Html:
    """Figures side by side where there is room."""
    return el("div", *parts, class_="figures")


def folded(title: str, *parts: Child) -> Html:
    """What is shown when somebody asks for it, by its *title*."""
    return el("details", el("summary", title), *parts)


def legend(*entries: tuple[str, str]) -> Html:
    """What each mark of a drawing is: its class in the drawing, and words."""
    items = [
        el("li", el("span", class_=f"mark {tone}", aria_hidden="true"), name)
        for tone, name in entries
    ]
    return el("ul", *items, class_="legend")


def code(text: str) -> Html:
    """Lines to be typed, or read to the letter."""
    return el("pre", el("code", text))


def _kind(column: int, left: int) -> str | None:
    return None if column < left else "number"
