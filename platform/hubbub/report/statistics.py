"""The methods of a study in sentences, ready for a paper, and how to do it again."""

from hubbub.report import page, words
from hubbub.report.html import Html, el
from hubbub.report.studied import Studied
from hubbub.report.words import number
from hubbub.study.design import Looks, Precise
from hubbub.study.effects import DRAWS, EXACT, FEW


def statistics(study: Studied) -> Html:
    """Design, statistics, software and hashes in words, and the commands."""
    told = [
        _design(study),
        _arms(study),
        _outcomes(study),
        _intervals(study),
        _stop(study),
        _shares(study),
        _software(study),
    ]
    name = study.effects.study
    commands = [
        f"pip install 'hubbub[study]=={_version(study)}'",
        "# only what is missing is run, and the table is the same bytes",
        f"hubbub study {name}.toml --out {name}",
        "# this page",
        f"hubbub report {name}",
    ]
    return el(
        "div",
        el("div", *(page.words(text) for text in told if text)),
        el(
            "div",
            el("h3", "Again"),
            page.code("\n".join(commands)),
            el("h3", "study.toml"),
            page.code(study.file),
        ),
        class_="pair",
    )


def _design(study: Studied) -> str:
    effects = study.effects
    first = next(iter(study.examples.values()), None)
    scenario = f" of the scenario {first.manifest.scenario}" if first else ""
    runs = sum(arm.runs for arm in effects.arms)
    return (
        f"We compared {words.count(len(effects.arms), 'arm')}{scenario}, with "
        f"{effects.replicates:,} populations each, {runs:,} runs in all. Seeds are "
        "paired: the populations of one replicate share theirs over all arms. The unit "
        "of all statistics is the population, for agents of one run have heard each "
        "other."
    )


def _arms(study: Studied) -> str:
    told: list[str] = []
    for arm, example in study.examples.items():
        groups = example.population.seats if example.population else ()
        filled = "; ".join(
            f"{words.count(len(g.seats()), 'seat')} with the mind {words.mind(g)}"
            + (f" and the model {words.model(g)}" if g.model else "")
            + (f", options: {words.settings(g.options)}" if g.options else "")
            + (f", personas {words.personas(g)}" if g.cohort is not None else "")
            for g in groups
        )
        parameters = words.settings(example.manifest.parameters)
        told.append(
            f"{arm}: {filled}; {parameters}" if parameters else f"{arm}: {filled}"
        )
    return f"Arms. {'. '.join(told)}." if told else ""


def _outcomes(study: Studied) -> str:
    told: list[str] = []
    for outcome in study.effects.outcomes:
        reduced = f", reduced to its {outcome.reduce}" if outcome.reduce else ""
        options = f" ({words.settings(outcome.options)})" if outcome.options else ""
        told.append(f"{outcome.name}, from {outcome.source}{options}{reduced}")
    complete = ", ".join(
        f"{arm.arm} {words.percent(arm.completeness or 0, 1)} "
        f"({words.percent(arm.complete, 1)} declared)"
        for arm in study.effects.arms
        if arm.completeness is not None
    )
    return (
        f"Outcomes, one number a population: {'; '.join(told)}. The first is the "
        f"primary one. Completeness: {complete}. An arm below what was declared is "
        "unusable and is compared with none. Values that are missing were left out, "
        "and none was made up."
    )


def _intervals(study: Studied) -> str:
    effects = study.effects
    done = [each.contrast for each in effects.comparisons if each.contrast]
    if not done:
        return "Nothing was compared."
    paired = [found for found in done if found.paired]
    tests: list[str] = []
    if paired:
        tests.append("of paired populations by flipping the signs of their differences")
    if len(paired) < len(done):
        tests.append("of unpaired ones by permuting labels, with Welch's t")
    corrections = {
        "holm": "by Holm's method, which keeps the chance of any false alarm",
        "benjamini-hochberg": "by Benjamini and Hochberg's method, which keeps the "
        "share of false alarms",
        "none": "",
    }
    how = corrections[effects.correction]
    corrected = (
        f"corrected for {len(done):,} comparisons {how}" if how else "not corrected"
    )
    planned = sorted({each.effect for each in effects.comparisons if each.effect})
    power = ""
    if planned:
        sizes = " and ".join(number(each) for each in planned)
        power = (
            f" Power is that of a two-sided t test for the planned effect of {sizes} "
            "standard deviations."
        )
    return (
        f"Differences are of means, with {words.level(effects.level)} intervals by the "
        f"studentised bootstrap ({DRAWS:,} draws), or by Student's t with fewer than "
        f"{FEW} populations an arm. Tests are two-sided and by permutation: "
        f"{', and '.join(tests)}; all arrangements up to {EXACT:,}, else {DRAWS:,} "
        f"drawn ones. p values are {corrected}. Sizes are Hedges' g; of pairs, the mean "
        f"difference by its standard deviation.{power}"
    )


def _stop(study: Studied) -> str:
    match study.effects.stop:
        case Precise() as stop:
            rule = (
                f"stop when every interval of the primary outcome is at most "
                f"{number(stop.width)} wide, after {stop.least:,} populations an arm at "
                f"the earliest and {stop.most:,} at the latest"
            )
        case Looks() as stop:
            at = ", ".join(f"{each:,}" for each in stop.at)
            rule = (
                f"look after {at} populations an arm, and stop when every comparison of "
                "the primary outcome is significant; each look tests at its equal share "
                "of the false alarms"
            )
        case None:
            return "How many populations there are was declared beforehand."
    return f"The rule declared beforehand: {rule}."


def _shares(study: Studied) -> str:
    if not study.effects.shares:
        return ""
    return (
        "The variance of populations is split into prior, context, their interaction and "
        "the residual, by mean squares of effects over the levels that were chosen, with "
        "percentile intervals over resamples of populations within cells."
    )


def _software(study: Studied) -> str:
    manifests = [example.manifest for example in study.examples.values()]
    versions = sorted({f"Hubbub {m.hubbub}, Python {m.python}" for m in manifests})
    servers = sorted({m.server for m in manifests if m.server})
    hashes = ", ".join(
        f"{arm} {example.manifest.last_hash[:16]}"
        for arm, example in study.examples.items()
        if example.manifest.last_hash
    )
    return (
        f"Software: {'; '.join([*versions, *servers])}. The SHA-256 of study.toml is "
        f"{study.effects.sha256}. Last hashes of the first run of each arm: {hashes}."
    )


def _version(study: Studied) -> str:
    example = next(iter(study.examples.values()), None)
    return example.manifest.hubbub if example else "0"
