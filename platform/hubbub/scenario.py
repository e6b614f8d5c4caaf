"""What a scenario is: one async function, the questions it asks, and its parameters."""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from hubbub.errors import BadPopulation, UnknownName
from hubbub.mind import Question, answer_type
from hubbub.questions import Accept, Invite, Turn

if TYPE_CHECKING:
    from hubbub.stage import Stage

Play = Callable[..., Awaitable[None]]


class Scenario:
    """
    The rules of a game.

    *play* is called with a `Stage` and the parameters; its docstring's first
    paragraph tells minds what they take part in.
    """

    def __init__(
        self, play: Play, asks: Sequence[type[Question[Any]]], mind: str, seats: int
    ) -> None:
        self.play = play
        self.name = play.__name__.replace("_", "-")
        self.mind = mind
        self.seats = seats
        self.questions: list[type[Question[Any]]] = [Turn, Invite, Accept, *asks]
        for question in self.questions:
            answer_type(question)
        self._decode = msgspec.json.Decoder(_union(self.questions)).decode
        self._signature = inspect.signature(play, eval_str=True)

    @property
    def rules(self) -> str:
        """What minds are told about the game."""
        return inspect.cleandoc(self.play.__doc__ or "").split("\n\n")[0]

    @property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """The parameters by name."""
        return dict(list(self._signature.parameters.items())[1:])

    def bind(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """
        All parameters, *values* converted to their types, the rest as declared.

        Raises `UnknownName` or `BadPopulation`.
        """
        for name in values:
            if name not in self.parameters:
                raise UnknownName("parameter", name, list(self.parameters))
        return {
            name: self._convert(parameter, values.get(name, parameter.default))
            for name, parameter in self.parameters.items()
        }

    def _convert(self, parameter: inspect.Parameter, value: Any) -> Any:
        if value is inspect.Parameter.empty:
            raise BadPopulation(f"parameter {parameter.name} has no value: set it")
        try:
            return msgspec.convert(value, parameter.annotation, strict=False)
        except msgspec.ValidationError as error:
            raise BadPopulation(f"parameter {parameter.name}: {error}") from None

    def question(self, encoded: msgspec.Raw) -> Question[Any]:
        """Decode a question of this scenario."""
        question: Question[Any] = self._decode(encoded)
        return question

    async def __call__(self, stage: "Stage", **parameters: Any) -> None:
        await self.play(stage, **parameters)


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
) -> Callable[[Play], Scenario]:
    """
    Make an async function a scenario.

    *asks* are its own question types; *mind* and *seats* fill the places a user does
    not name.  The scenario's name is the function's, with hyphens.
    """
    return lambda play: Scenario(play, asks, mind, seats)
