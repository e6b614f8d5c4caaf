"""Policies of memory: what of its past a model is shown, as a population names it."""

from typing import Annotated

import msgspec

Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class Policy(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    tag_field="policy",
    tag=str.lower,
):
    """A policy is named by ``policy``; tokens are estimated, see the minds that count."""


class Full(Policy, frozen=True, kw_only=True):
    """Everything that was heard, the newest kept where not all of it fits."""


class Window(Policy, frozen=True, kw_only=True):
    """
    What was heard last: in so many *rounds*, so many *messages*, so many *tokens*.

    At least one of them is given; where several are, all of them hold.
    """

    rounds: Count | None = None
    messages: Count | None = None
    tokens: Count | None = None

    def __post_init__(self) -> None:
        if self.rounds is self.messages is self.tokens is None:
            raise ValueError("a window has rounds, messages or tokens")


class Summary(Policy, frozen=True, kw_only=True):
    """
    A rolling summary by the seat's own model, and the newest messages as they are.

    What is not yet summarised may have *limit* tokens; when it has more, all but the
    newest *keep* tokens are summarised, in *size* tokens.
    """

    limit: Count = 2_048
    keep: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 1_024
    size: Count = 256

    def __post_init__(self) -> None:
        if self.keep >= self.limit:
            raise ValueError(f"keep = {self.keep} must be below limit = {self.limit}")


class Notes(Policy, frozen=True, kw_only=True):
    """
    Observations with an importance, reflections on them, and what of both is to the point.

    After Park et al., "Generative Agents: Interactive Simulacra of Human Behavior"
    (UIST 2023, arXiv 2304.03442), section 4, whose constants *threshold*, *questions*,
    *insights* and *decay* are.  *recent* messages are shown whatever they are about,
    *retrieved* memories by their score; *kept* messages are remembered at all; at least
    *batch* of them are rated at once.
    """

    threshold: Annotated[float, msgspec.Meta(gt=0, le=1_000_000)] = 150.0
    questions: Annotated[int, msgspec.Meta(ge=1, le=5)] = 3
    insights: Annotated[int, msgspec.Meta(ge=1, le=20)] = 5
    decay: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.995
    recent: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 10
    retrieved: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 20
    kept: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1_000
    batch: Annotated[int, msgspec.Meta(ge=1, le=50)] = 10


Memory = Full | Window | Summary | Notes

#: Every policy by its name.
POLICIES: dict[str, type[Policy]] = {
    policy.__name__.lower(): policy for policy in (Full, Window, Summary, Notes)
}
