"""Numbers, settings and names as people read them."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import msgspec

from hubbub.groups import Group, context_of
from hubbub.messages import Outcome
from hubbub.models.base import Sampling
from hubbub.policies import Memory
from hubbub.text import safe_text

#: What stands for a number that there is not.
NONE = "\N{EN DASH}"
#: The outcomes of asks, from the best to the worst.
OUTCOMES: tuple[Outcome, ...] = (
    "answered",
    "passed",
    "late",
    "unparsable",
    "refused",
    "model_error",
    "budget_stop",
    "crashed",
    "absent",
)


def title(name: str) -> str:
    """``cocktail-party`` as a headline."""
    plain = name[:80].replace("-", " ").replace("_", " ").strip()
    return plain[:1].upper() + plain[1:]


def percent(part: float, whole: float) -> str:
    """*part* of *whole*; never rounded up to all, nor down to nothing."""
    if not whole:
        return "none"
    share = 100 * part / whole
    if part < whole and share >= 99.95:
        return "> 99.9%"
    if part > 0 and share < 0.05:
        return "< 0.1%"
    return f"{share:.1f}%".replace(".0%", "%")


def level(share: float) -> str:
    """The level of an interval."""
    return f"{100 * share:.3g}%"


def decimal(value: float | None, digits: int = 3) -> str:
    """*value* with a true minus sign; a dash where it is undefined."""
    if value is None:
        return NONE
    return f"{value:,.{digits}f}".replace("-", "\N{MINUS SIGN}")


def number(value: float) -> str:
    """*value* to three digits, with a true minus sign."""
    if value and abs(value) < 1e-4:
        told = f"{value:.1e}"
    elif abs(value) >= 1_000:
        told = f"{value:,.0f}"
    else:
        told = f"{value:#.3g}".removesuffix(".")
    return "0" if not value else told.replace("-", "\N{MINUS SIGN}")


def span(low: float | None, high: float | None, digits: int = 3) -> str:
    """An interval."""
    if low is None or high is None:
        return NONE
    return f"{decimal(low, digits)} to {decimal(high, digits)}"


def duration(seconds: float) -> str:
    """*seconds* in the two largest units that say something."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min {rest} s"


def count(number: int, one: str, many: str = "") -> str:
    """*number* of things that are called *one*, or *many*."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(names: Sequence[str], most: int = 12) -> str:
    """*names* with commas, some of them where there are many."""
    rest = len(names) - most
    shown = ", ".join(names[:most])
    return f"{shown} and {rest:,} more" if rest > 0 else shown


def settings(pairs: Mapping[str, Any]) -> str:
    """``name = value``, with commas."""
    return ", ".join(f"{name} = {value(each)}" for name, each in pairs.items())


def value(each: Any) -> str:
    """A parameter's value, as it is typed."""
    if isinstance(each, str):
        return each or "none"
    return safe_text(msgspec.json.encode(each).decode(), 300)


def mind(group: Group) -> str:
    """What fills a group's seats; of a file its name and not where it lies."""
    name = group.mind or ("model" if group.model else "the scenario's own")
    path, mark, part = name.partition(".py")
    return f"{PurePath(path).name}.py{part}" if mark else name


def sampling(group: Sampling) -> str:
    """How a model draws its words."""
    said: dict[str, Any] = msgspec.to_builtins(group)
    return settings({name: v for name, v in said.items() if v is not None})


def memory(policy: Memory) -> str:
    """What of its past a model is shown."""
    said: dict[str, Any] = msgspec.to_builtins(policy)
    name = said.pop("policy")
    return f"{name} ({settings(said)})" if said else str(name)


def seats(group: Group) -> str:
    """The names of a group's seats, which may be many."""
    names = group.seats()
    if group.names or len(names) < 3:
        return listed(names)
    return f"{names[0]}\N{EN DASH}{names[-1]}"


def context(group: Group) -> str:
    """The tokens that a model's prompt and reply may have together."""
    return f"{context_of(group):,} tokens"


def personas(group: Group) -> str:
    """How many personas a group has, and which."""
    if group.cohort is None:
        return "none"
    own = len(group.seats())
    return f"{own:,} of cohort {group.cohort.sha256[:12]}"


def model(group: Group) -> str:
    """A group's model with all that its replies depend on; for rules there is none."""
    if not group.model:
        return "none"
    return (
        f"{group.model}: {sampling(group.sampling)}, context = {context(group)}, "
        f"memory = {memory(group.memory)}"
    )
