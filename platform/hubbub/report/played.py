"""What was played: the rules, every parameter, who filled the seats, which software."""

from datetime import UTC

from hubbub.console.calls import bounds, price
from hubbub.console.tables import forked
from hubbub.console.transcript import when
from hubbub.groups import Group
from hubbub.report import page, words
from hubbub.report.html import Child, Html, el, join
from hubbub.report.source import Source


def head(source: Source) -> Html:
    """The title, what it is, and the figures that sum it up."""
    manifest, picture = source.folder.manifest, source.record.picture
    state = manifest.state if picture.state == "unfinished" else picture.state
    tone = "good" if picture.state == "complete" else "bad"
    began = when(picture.first_at, UTC, "%Y-%m-%d %H:%M UTC")
    line = [manifest.run, began if picture.messages else "", f"seed {manifest.seed}"]
    return join(
        [
            el("p", "Hubbub run report", class_="eyebrow"),
            el("h1", words.title(manifest.scenario), " ", page.badge(state, tone)),
            page.words(" · ".join(part for part in line if part), "line"),
            page.words(source.rules, "lead") if source.rules else None,
            page.tiles(_figures(source)),
        ]
    )


def _figures(source: Source) -> dict[str, Child]:
    picture, record = source.record.picture, source.record
    answered, asks = picture.answers["answered"], picture.asks
    rounds = f"{picture.round} of {picture.of}" if picture.of else None
    seconds = (picture.last_at - picture.first_at) / 1000
    return {
        "asks answered": words.percent(answered, asks) if asks else None,
        "seats": source.folder.manifest.seats,
        "rounds": rounds,
        "messages": picture.messages,
        "conversations of two": len(record.talks) or None,
        "model calls": picture.calls or None,
        "cost": price(picture.total) if picture.calls else None,
        "faults": picture.faults or None,
        "took": words.duration(seconds) if picture.messages else None,
    }


def played(source: Source) -> Html:
    """Everything that the run depends on."""
    manifest = source.folder.manifest
    parameters: dict[str, Child] = {
        name: words.value(value) for name, value in manifest.parameters.items()
    }
    inner = page.facts(parameters) if parameters else page.words("None.")
    return el(
        "div",
        el("div", el("h3", "Parameters"), inner),
        el("div", el("h3", "Population"), _population(source)),
        class_="pair",
    )


def _population(source: Source) -> Html:
    if source.population is None:
        return page.words(source.trouble, "warning")
    groups = source.population.seats
    if not groups:
        return page.words("The scenario's own seats and minds.")
    return join([_group(group) for group in groups[: page.ROWS]])


def _group(group: Group) -> Html:
    facts: dict[str, Child] = {
        "seats": f"{len(group.seats()):,}: {words.seats(group)}",
        "mind": words.mind(group),
        "model": group.model or "none: a rule decides",
    }
    if group.model:
        facts |= {
            "sampling": words.sampling(group.sampling),
            "memory": words.memory(group.memory),
            "context": words.context(group),
            "system prompt": f"its own, {len(group.system.text):,} characters"
            if group.system.text
            else "the mind's",
        }
    facts["personas"] = words.personas(group)
    if group.options:
        facts["options"] = words.settings(group.options)
    return page.facts(facts)


def record_of(source: Source) -> Html:
    """What was recorded, by which software, under which hashes."""
    manifest, audit = source.folder.manifest, source.record.audit
    budget = bounds(source.record.picture.budget)
    return page.facts(
        {
            "run": manifest.run,
            "fork of": forked(manifest.origin) if manifest.origin else None,
            "seed": str(manifest.seed),
            "created": manifest.created,
            "ended": manifest.ended or None,
            "why it stopped": manifest.why or None,
            "Hubbub": manifest.hubbub,
            "Python": manifest.python,
            "server": manifest.server or None,
            "budget": budget or None,
            "reply cache": manifest.terms.cache,
            "population.toml": _hash(manifest.population_sha256),
            "log.jsonl": f"{audit.messages:,} messages, whole and unchanged",
            "last hash": _hash(audit.digest),
        }
    )


def _hash(digest: str) -> Html:
    return el("code", digest)
