"""
A seat of a live run, taken from outside: a small client of the gateway.

    with SeatClient("http://127.0.0.1:8790", token) as seat:
        seat.play(lambda ask, events: {"value": 4})
"""

import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import httpx

from hubbub.errors import GatewayRefused, HubbubError

#: Seconds that one request waits for something to happen.
WAIT = 25
#: Seconds between two tries while the gateway is away.
AGAIN = 0.25

#: Decides what to answer to an ask, after the events since the last one; None to pass.
Decide = Callable[[Mapping[str, Any], Sequence[Mapping[str, Any]]], object]


class SeatClient:
    """
    The seat of *token* at the gateway at *url*.

    Every method may be called again after an error, and comes to the same.  They raise
    `GatewayRefused`, and `HubbubError` when the gateway is away for *patience* seconds.
    """

    def __init__(self, url: str, token: str, *, patience: float = 60.0) -> None:
        self._patience = patience
        self._http = httpx.Client(
            base_url=url,
            headers={"authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(10.0, read=WAIT + 15.0),
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def me(self) -> dict[str, Any]:
        """Which seat this is, in which run and whose company."""
        return self._do("GET", "/v1/me")

    def events(self, after: int = 0, *, wait: float = 0.0) -> dict[str, Any]:
        """``events`` after the first *after*, and what comes ``next``."""
        return self._do("GET", "/v1/events", params={"after": after, "wait": int(wait)})

    def ask(self, *, wait: float = 0.0) -> dict[str, Any]:
        """What is asked: ``ask`` is None for nothing, and the run may be ``over``."""
        return self._do("GET", "/v1/ask", params={"wait": int(wait)})

    def answer(self, ask: Mapping[str, Any], answer: object) -> dict[str, Any]:
        """Answer *ask*; how it has ended by that.  None passes."""
        place = {"ask": ask["ask"], "attempt": ask["attempt"]}
        if answer is None:
            return self._do("POST", "/v1/pass", json=place)
        return self._do("POST", "/v1/answer", json={**place, "answer": answer})

    def say(
        self, ask: Mapping[str, Any], text: str, *, leave: bool = False
    ) -> dict[str, Any]:
        """Say *text* in the turn *ask*, and *leave* the conversation with it."""
        place = {"ask": ask["ask"], "attempt": ask["attempt"]}
        path = "/v1/leave" if leave else "/v1/say"
        return self._do("POST", path, json={**place, "text": text})

    def play(self, decide: Decide) -> None:
        """Do as *decide* says until the run is over; it is asked again after ``unfit``."""
        heard = 0
        while True:
            found = self.ask(wait=WAIT)
            if found["ask"] is None:
                if found["over"]:
                    return
                continue
            events: list[Mapping[str, Any]] = []
            while heard < found["ask"]["heard"]:
                page = self.events(heard)
                events += page["events"]
                heard = page["next"]
            try:
                self.answer(found["ask"], decide(found["ask"], events))
            except GatewayRefused as refused:
                if refused.code not in ("unfit", "ended", "not_open"):
                    raise

    def _do(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return _told(self._http.request(method, path, **options))
            except httpx.TransportError as error:
                if time.monotonic() > deadline:
                    raise HubbubError(
                        f"the gateway does not answer: {error}"
                    ) from error
            except GatewayRefused as refused:
                passing = refused.code in ("not_hosted", "slow_down", "unknown")
                if not passing or time.monotonic() > deadline:
                    raise
            time.sleep(AGAIN)


def _told(response: httpx.Response) -> dict[str, Any]:
    """What the gateway says; raises what it refuses."""
    try:
        told: dict[str, Any] = response.json()
    except ValueError:
        told = {"error": "no_gateway", "words": f"{response.url} is no gateway"}
    if "error" in told:
        raise GatewayRefused(told.pop("error"), told.pop("words"), **told)
    return told
