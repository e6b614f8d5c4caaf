"""Anthropic's messages, and any server that speaks them, through one client."""

import random
from collections import defaultdict

import httpx

from hubbub.models import wire_anthropic as wire
from hubbub.models.base import Model, Reply, Request
from hubbub.models.complaints import read_complaint
from hubbub.models.endpoint import Endpoint, Errand, call_key, checked_key, foreseen
from hubbub.models.pressure import Pressure
from hubbub.models.retries import Setback
from hubbub.models.wire import decode_listing

#: The version of the protocol, and not of any model.
VERSION = "2023-06-01"


class AnthropicModel(Model):
    """
    The models of one server of Anthropic's messages.

    *base_url* ends where ``/v1/messages`` begins; *api_key* is sent to that server and
    appears nowhere else; the rest is as of `Endpoint`.

    A model that cannot be made to call a tool is from then on asked for output by the
    schema, and one that cannot do that either, with the schema in words.  Raises
    `UsageError` for a URL or a key that cannot be one.
    """

    def __init__(
        self,
        base_url: str,
        *,
        rng: random.Random,
        api_key: str = "",
        pressure: Pressure | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        key = checked_key(api_key)
        version = {"anthropic-version": VERSION}
        self._unknown: defaultdict[str, set[wire.Field]] = defaultdict(set)
        self._endpoint = Endpoint(
            # As other clients take it, and as those of OpenAI's protocol write theirs.
            base_url.rstrip("/").removesuffix("/v1"),
            rng=rng,
            headers=version | ({"x-api-key": key} if key else {}),
            secret=key,
            pressure=pressure,
            transport=transport,
        )

    async def complete(self, request: Request, *, deadline: float) -> Reply:
        """As `Model.complete`; tries and pauses are those of `Endpoint.attempt`."""

        async def once(errand: Errand) -> Reply | Setback:
            return await self._try(request, errand)

        return await self._endpoint.attempt(once, deadline=deadline)

    async def names(self, *, deadline: float) -> tuple[str, ...]:
        """The models that the server offers; one try, and errors as of `complete`."""

        async def once(errand: Errand) -> tuple[str, ...]:
            response = await errand.exchange("GET", "v1/models?limit=1000")
            if complaint := read_complaint(response.status, response.body):
                raise complaint.error
            return decode_listing(response.body)

        return await self._endpoint.attempt(once, deadline=deadline, again=False)

    def share(self, workers: int) -> None:
        self._endpoint.share(workers)

    async def aclose(self) -> None:
        await self._endpoint.aclose()

    async def _try(self, request: Request, errand: Errand) -> Reply | Setback:
        _, _, model = request.model.partition("/")
        # As it is now: other calls may learn more while this one is on its way.
        unknown = frozenset(self._unknown[model])
        content = wire.encode_request(request, model, unknown)
        response = await errand.exchange(
            "POST",
            "v1/messages",
            content,
            weight=foreseen(request, content),
            key=call_key(request, content),
        )
        complaint = read_complaint(response.status, response.body)
        if complaint is None:
            reply = wire.decode_reply(response.body, request.schema)
            errand.settle(reply.tokens_in, reply.tokens_out)
            return reply
        if complaint.may_pass:
            return Setback(complaint.error, response.after)
        if field := wire.objection(request, unknown, complaint):
            self._unknown[model].add(field)
            return await self._try(request, errand)
        raise complaint.error
