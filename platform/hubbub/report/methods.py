"""The methods of a run in sentences, ready for a paper, and how to do it again."""

from hubbub.console.calls import bounds, price
from hubbub.console.tables import forked
from hubbub.groups import Group
from hubbub.report import page, words
from hubbub.report.complete import COMPLETE, good
from hubbub.report.html import Html, el
from hubbub.report.played import record_of
from hubbub.report.source import Source


def methods(source: Source) -> Html:
    """Every parameter, software and hash in words, and the commands."""
    manifest = source.folder.manifest
    paragraphs = [
        _design(source),
        *_population(source),
        _outcomes(source),
        _measures(source),
        _record(source),
    ]
    run = manifest.run
    commands = [
        f"pip install 'hubbub[study]=={manifest.hubbub}'",
        "# the log is whole and unchanged",
        f"hubbub verify {run}",
        "# every act again, from the record alone",
        f"hubbub replay {run}",
        "# the same population anew",
        f"hubbub run {run}/population.toml --out again",
        "# this page",
        f"hubbub report {run}",
    ]
    told = el("div", *(page.words(text) for text in paragraphs if text))
    again = [page.words(_again(source), "note"), page.code("\n".join(commands))]
    beside = el("div", record_of(source), el("h3", "Again"), *again)
    return el("div", told, beside, class_="pair")


def _design(source: Source) -> str:
    manifest = source.folder.manifest
    seats = words.count(manifest.seats, "seat")
    told = f"We played the scenario {manifest.scenario} with {seats} and seed {manifest.seed}."
    if source.rules:
        rules = " ".join(source.rules.split())
        told += f" Agents were told of it: “{rules}”"
    if manifest.parameters:
        told += f" Parameters: {words.settings(manifest.parameters)}."
    return told


def _population(source: Source) -> list[str]:
    population = source.population
    if population is None:
        return [f"Who filled the seats cannot be said: {source.trouble}."]
    return [_group(group) for group in population.seats]


def _group(group: Group) -> str:
    names = f"{words.count(len(group.seats()), 'seat')} ({words.seats(group)})"
    told = f"{names}: the mind {words.mind(group)}"
    if group.model:
        told += f", with the model {words.model(group)}"
        own = "of its own" if group.system.text else "of the mind"
        told += f", and the system prompt {own}"
    if group.cohort is not None:
        told += (
            f"; personas {words.personas(group)}, drawn with seed {group.cohort.seed}"
            f" (SHA-256 {group.cohort.sha256})"
        )
    if group.options:
        told += f"; options: {words.settings(group.options)}"
    return told + "."


def _outcomes(source: Source) -> str:
    record, picture = source.record, source.record.picture
    total = sum(sum(counts.values()) for counts in record.outcomes.values())
    if not total:
        return ""
    ended = sum(map(good, record.outcomes.values()))
    ends = picture.outcomes
    rest = [
        f"{end.replace('_', ' ')} {ends[end]:,}"
        for end in words.OUTCOMES
        if end not in ("answered", "passed") and ends[end]
    ]
    told = (
        f"Of {total:,} asks and turns {words.percent(ended, total)} were answered or "
        f"passed{'; the others: ' + ', '.join(rest) if rest else ''}. An answer had to "
        "be of the form that was asked for; after one that was not, the agent was asked "
        "again, twice at most. Nothing was filled in for what is missing. We call a "
        f"phase with less than {COMPLETE:.0%} unusable."
    )
    if picture.calls:
        total_calls = words.count(picture.calls, "model call")
        told += f" There were {total_calls}, at {price(picture.total)}"
        bound = bounds(picture.budget)
        told += f" of {bound}." if bound else "."
    return told


def _measures(source: Source) -> str:
    found = source.measures
    if found is None:
        return source.unmeasured
    s = found.settings
    told = (
        f"Windows of {s.window} rounds roll over {found.rounds:,} rounds. A guest's "
        "distinct ratio is the number of different others it talked with (or invited), "
        "divided by its conversations (invitations) in the window, or by the window's "
        "rounds; the population's is the mean over guests (after arXiv 2402.12590, "
        "section 2). As nulls, partners are drawn evenly among those who could have "
        f"been invited, and rounds are put in random order, {s.draws} draws each (seed "
        f"{s.seed}); for invitations the even null is exact: of k others, m even "
        "invitations reach k (1 - (1 - 1/k)^m). A trend is the least-squares slope over "
        f"windows. Pairs with more than {s.tight} conversations are tight."
    )
    if found.embedder:
        told += (
            f" Texts were embedded by {found.embedder}, each {s.unit} at a time; the "
            f"distance is {s.distance}."
        )
    return told


def _record(source: Source) -> str:
    manifest, audit = source.folder.manifest, source.record.audit
    server = f", {manifest.server}" if manifest.server else ""
    state = "complete" if source.record.picture.state == "complete" else "unfinished"
    return (
        f"Software: Hubbub {manifest.hubbub}, Python {manifest.python}{server}. The run "
        f"{manifest.run} is {state}, with {audit.messages:,} messages; the SHA-256 of "
        f"its population.toml is {manifest.population_sha256}, and the last hash of its "
        f"log {audit.digest}.{_origin(source)}"
    )


def _origin(source: Source) -> str:
    origin = source.folder.manifest.origin
    return f" It is a fork of {forked(origin)}." if origin else ""


def _again(source: Source) -> str:
    if source.record.picture.calls:
        return (
            "A model need not say the same twice. replay repeats the run from its "
            "record, without a model."
        )
    return "Nothing but the seed decides: the same population gives the same results."
