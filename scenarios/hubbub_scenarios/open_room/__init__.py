"""The open room: everybody in one room, everybody talks; the work to measure speed on."""

from hubbub.scenario import Count, Pause, Seconds, scenario
from hubbub.stage import Stage


@scenario(mind="silent", seats=100)
async def open_room(
    stage: Stage, acts: Count = 10, pause: Pause = 0.0, limit: Seconds = 3600.0
) -> None:
    """
    One room that everybody is in. Each may speak several times, whenever somebody else
    has spoken or the room is silent.

    A seat takes *acts* turns; *pause* is the mean silence in seconds that moves it.
    """
    await stage.chat("hall", stage.seats, turns=acts, pause=pause, limit=limit)
