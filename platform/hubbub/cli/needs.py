"""What a run needs besides itself, looked for before anything is made."""

import os
from collections.abc import Collection

import anyio
import click

from hubbub.bus.directory import open_client
from hubbub.bus.server import find_binary
from hubbub.bus.settings import check_server
from hubbub.chaos import check_embedded
from hubbub.errors import BusUnavailable, HubbubError, UsageError
from hubbub.models.catalogue import LOCAL_URL, open_models
from hubbub.models.local import check_local
from hubbub.population import Cast
from hubbub.sitting import check_alone
from hubbub.terms import CacheMode


def check_needs(
    cast: Cast,
    url: str,
    cache: CacheMode = "off",
    models: Collection[str] = (),
    workers: int = 0,
) -> None:
    """
    Raise `UsageError` unless the models and the server that *cast* needs are there.

    The server is the one at *url*, or without one an embedded one; with *cache*
    ``only`` models need nothing but their names.  *models* are those that it needs
    besides.  On the virtual clock it needs no server, and may have none, and no *workers*.
    """
    check_alone(cast, url, workers)
    if not workers:
        check_embedded(cast.declared)
    anyio.run(_check_models, {*cast.population.models(), *models}, cache)
    try:
        if url:
            anyio.run(_check_server, url)
        elif cast.population.clock == "wall":
            find_binary()
    except BusUnavailable as error:
        mend = "start it, or do without it: then the run has a server of its own"
        raise UsageError(f"{_source(url)}{error}\n  {mend}") from error
    except HubbubError as error:
        raise UsageError(_source(url) + str(error)) from error


async def _check_models(names: set[str], cache: CacheMode) -> None:
    elsewhere = LOCAL_URL in os.environ or cache == "only"
    ours = {n for n in names if n.startswith("local/") and not elsewhere}
    for name in ours:
        check_local(name.removeprefix("local/"), os.environ)
    async with open_models(names - ours, os.environ, cache):
        pass


async def _check_server(url: str) -> None:
    async with open_client(url) as client:
        await check_server(client)


def _source(url: str) -> str:
    """Which option or variable has given *url*, as a beginning of the error."""
    given = click.get_current_context().get_parameter_source("url")
    variable = given is click.core.ParameterSource.ENVIRONMENT
    return f"{'REDIS_URL' if variable else '--redis'}: " if url else ""
