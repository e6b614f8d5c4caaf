"""What a scenario is: one async function, the questions it asks, and its parameters."""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from hubbub.errors import BadPopulation, ScenarioFailed, UnknownName
from hubbub.mind import Question, answer_type
from hubbub.questions import Accept, Invite, Turn

if TYPE_CHECKING:
    from hubbub.stage import Stage

Play = Callable[..., Awaitable[None]]

#: Types of parameters that most games have: how many, how long, how long if at all.
Count = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=1_000_000)]
Pause = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]


class Scenario:
    """
    The rules of a game.

    *play* is called with a `Stage` and the parameters; its docstring's first
    paragraph tells minds what they take part in.  *mind* and *seats* are what is played
    by default, *least* the fewest seats it can be played with.  With *newcomers*, who
    comes into the run later plays from the next round on.
    """

    def __init__(
        self,
        play: Play,
        asks: Sequence[type[Question[Any]]],
        mind: str,
        seats: int,
        least: int,
        newcomers: bool = False,
    ) -> None:
        """Raises `TypeError` for a *play* or a question that could not be used."""
        self.play = play
        self.name = play.__name__.replace("_", "-")
        self.mind = mind
        self.seats = seats
        self.least = least
        self.newcomers = newcomers
        self.questions: list[type[Question[Any]]] = [Turn, Invite, Accept, *asks]
        for question in self.questions:
            answer_type(question)
        self._decode = msgspec.json.Decoder(_union(self.questions)).decode
        self.parameters = _parameters(play)

    @property
    def rules(self) -> str:
        """What minds are told about the game."""
        return inspect.cleandoc(self.play.__doc__ or "").split("\n\n")[0]

    def bind(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """
        All parameters, *values* converted to their types, the rest as declared.

        Raises `UnknownName` or `BadPopulation`.
        """
        for name in values:
            if name not in self.parameters:
                raise UnknownName("parameter", name, list(self.parameters))
        return {
            name: _convert(parameter, values.get(name, parameter.default))
            for name, parameter in self.parameters.items()
        }

    def read(self, name: str, text: str) -> Any:
        """
        What *text* says as parameter *name*: JSON where that fits its type, else text.

        What fits neither way, or is no parameter, is for `bind` to refuse.
        """
        try:
            decoded = msgspec.json.decode(text)
        except (ValueError, RecursionError):
            return text
        parameter = self.parameters.get(name)
        if parameter is None or parameter.annotation is parameter.empty:
            return decoded
        for value in (decoded, text):
            with suppress(msgspec.ValidationError):
                msgspec.convert(value, parameter.annotation, strict=False)
                return value
        return decoded

    def question(self, encoded: msgspec.Raw) -> Question[Any]:
        """Decode a question; raises `ScenarioFailed` unless it is one of this game's."""
        try:
            question: Question[Any] = self._decode(encoded)
        except msgspec.ValidationError as error:
            raise ScenarioFailed(
                f"{self.name} asks what no mind can read: {error}; are all its "
                "questions declared, as in @scenario(asks=[Guess])?"
            ) from None
        return question

    async def __call__(self, stage: "Stage", **parameters: Any) -> None:
        await self.play(stage, **parameters)


def _parameters(play: Play) -> dict[str, inspect.Parameter]:
    """What *play* takes after its stage, by name."""
    if not inspect.iscoroutinefunction(play):
        raise TypeError(f"{play.__name__} is no async function")
    parameters = dict(inspect.signature(play, eval_str=True).parameters)
    if not parameters:
        raise TypeError(f"{play.__name__} takes no stage")
    for parameter in parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TypeError(f"{play.__name__} takes {parameter}: name its parameters")
    return dict(list(parameters.items())[1:])


def _convert(parameter: inspect.Parameter, value: Any) -> Any:
    name, wanted = parameter.name, parameter.annotation
    if value is parameter.empty:
        raise BadPopulation(f"parameter {name} has no value: --set {name}=VALUE")
    if wanted is parameter.empty:
        return value
    try:
        converted = msgspec.convert(value, wanted, strict=False)
    except msgspec.ValidationError as error:
        raise BadPopulation(f"parameter {name}: {error}") from None
    if isinstance(converted, float) and not isfinite(converted):
        raise BadPopulation(f"parameter {name}: {converted} is no finite number")
    return converted


def _union(questions: Sequence[type[Question[Any]]]) -> Any:
    union: Any = questions[0]
    for question in questions[1:]:
        union = union | question
    return union


def scenario(
    *,
    asks: Sequence[type[Question[Any]]] = (),
    mind: str = "silent",
    seats: int = 10,
    least: int = 1,
    newcomers: bool = False,
) -> Callable[[Play], Scenario]:
    """
    Make an async function a scenario.

    *asks* are its own question types; *mind* and *seats* fill the places a user does
    not name; with fewer than *least* seats it is not played.  With *newcomers* the
    stage's seats may be others in every round: say so only of a play that asks for them
    anew.  The scenario's name is the function's, with hyphens.
    """
    return lambda play: Scenario(play, asks, mind, seats, least, newcomers)
