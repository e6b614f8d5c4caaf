"""What an account at a provider may do, from the environment."""

from collections.abc import Mapping
from math import isfinite

import msgspec

from hubbub.errors import UsageError
from hubbub.text import safe_text


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """
    Limits of an account, for all processes together; what is None is not limited.

    *concurrency* is in calls at once, and found by trying where it is None; *rpm* in
    requests and *tpm* in tokens a minute.  *prefix* begins the names of the variables
    that say so, such as ``OPENAI``.
    """

    concurrency: int | None = None
    rpm: float | None = None
    tpm: float | None = None
    prefix: str = ""


UNLIMITED = Limits()


def read_limits(prefix: str, environment: Mapping[str, str]) -> Limits:
    """
    The limits in ``<PREFIX>_CONCURRENCY``, ``<PREFIX>_RPM`` and ``<PREFIX>_TPM``.

    Raises `UsageError` for what is no number above 0, or no whole one for the first.
    """
    concurrency = _number(f"{prefix}_CONCURRENCY", environment)
    if concurrency is not None and not concurrency.is_integer():
        raise _wrong(f"{prefix}_CONCURRENCY", environment)
    return Limits(
        concurrency=None if concurrency is None else int(concurrency),
        rpm=_number(f"{prefix}_RPM", environment),
        tpm=_number(f"{prefix}_TPM", environment),
        prefix=prefix,
    )


def _number(name: str, environment: Mapping[str, str]) -> float | None:
    if not (text := environment.get(name, "").strip()):
        return None
    try:
        number = float(text)
    except ValueError:
        raise _wrong(name, environment) from None
    if not (isfinite(number) and number > 0):
        raise _wrong(name, environment)
    return number


def _wrong(name: str, environment: Mapping[str, str]) -> UsageError:
    kind = "whole number" if name.endswith("_CONCURRENCY") else "number"
    given = safe_text(environment[name], 40)
    return UsageError(
        f"{name} is {given!r}: set it to a {kind} above 0, such as 60, or unset it"
    )
