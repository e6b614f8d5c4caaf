"""What models cost: a table that comes with Hubbub, and the user's own over it."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from math import ceil
from pathlib import Path

import msgspec

from hubbub.errors import UsageError
from hubbub.models.base import Reply, Request
from hubbub.terms import NANO, Price
from hubbub.text import safe_text

#: Bytes of UTF-8 for which a token is reckoned where nobody has counted: fewer than a
#: token of English has, and about as many as one of Chinese.
BYTES = 3
#: Tokens that are reckoned for the frame of a prompt.
FRAME = 8
#: Bytes of a price file.
MAX_FILE = 1 << 20

#: A snapshot costs what its model costs.
_DATE = re.compile(r"-(?:\d{8}|\d{4}-\d\d-\d\d)$")


def find_prices(models: Iterable[str], file: Path | None = None) -> dict[str, Price]:
    """
    The prices of those of *models* that have one.

    What *file* says goes over what Hubbub knows.  Raises `UsageError` for a file that
    is no table of prices, and says where.
    """
    tables = [_known()]
    if file is not None:
        tables.insert(0, read_prices(file))
    found = {model: _look_up(tables, model) for model in models}
    return {model: price for model, price in found.items() if price is not None}


def read_prices(path: Path) -> dict[str, Price]:
    """The prices in a TOML file, by model; raises `UsageError`."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
        if len(data) > MAX_FILE:
            raise UsageError(f"{path} is no price file: over {MAX_FILE:,} bytes")
        return msgspec.convert(tomllib.loads(data.decode()), dict[str, Price])
    except OSError as error:
        raise UsageError(f"prices: {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8: byte {error.start}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{path}: {safe_text(str(error), 300)}; a price looks like "
            '["provider/model"], input = 1.0, output = 5.0, in US dollars for a million '
            "tokens"
        ) from None


@cache
def _known() -> dict[str, Price]:
    text = (resources.files("hubbub.models") / "prices.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, Price])


def _look_up(tables: Iterable[Mapping[str, Price]], model: str) -> Price | None:
    for table in tables:
        for name in (model, _DATE.sub("", model)):
            if name in table:
                return table[name]
        wild = [n for n in table if n[-1:] == "*" and model.startswith(n[:-1])]
        if wild:
            return table[max(wild, key=len)]
    return None


def cost(price: Price, tokens_in: int, tokens_out: int) -> int:
    """What so many tokens cost, in nano-dollars."""
    per_token = NANO // 1_000_000
    return round((tokens_in * price.input + tokens_out * price.output) * per_token)


def most_tokens(request: Request) -> tuple[int, int]:
    """How many tokens *request* has, by its bytes, and its reply may have."""
    schema = b"" if request.schema is None else msgspec.json.encode(request.schema)
    prompts = sum(_tokens(prompt.content) + FRAME for prompt in request.prompts)
    return prompts + ceil(len(schema) / BYTES), request.sampling.max_tokens


def tokens_of(request: Request, reply: Reply) -> tuple[int, int, bool]:
    """*reply*'s tokens, in and out, and whether one of these is only reckoned."""
    tokens_in, tokens_out = reply.tokens_in, reply.tokens_out
    reckoned = tokens_in is None or tokens_out is None
    if tokens_in is None:
        tokens_in = most_tokens(request)[0]
    if tokens_out is None:
        tokens_out = _tokens(reply.text)
    return tokens_in, tokens_out, reckoned


def _tokens(text: str) -> int:
    return ceil(len(text.encode("utf-8", "surrogatepass")) / BYTES)
