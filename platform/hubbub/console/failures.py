"""Why model calls of a run have failed, in words that say what may help."""

from hubbub.console.picture import Picture
from hubbub.errors import ModelErrorKind
from hubbub.text import safe_text

#: What may help against errors of model calls; nothing against those that are not here.
_MENDS: dict[ModelErrorKind, str] = {
    "auth": "look at its key: hubbub models",
    "bad_request": "see what its server has: hubbub models",
    "context_length": "give its seats a smaller context in the population file",
    "network": "see whether its server is there: hubbub models",
    "not_cached": "--cache use asks for what is not in the cache",
    "rate_limit": "set what the account allows: {}_RPM, {}_TPM or {}_CONCURRENCY",
    "timeout": "give asks more seconds, or have fewer seats ask at once",
}


def failures(picture: Picture) -> list[str]:
    """What calls of models failed of and what may help, a line for each kind."""
    lines: list[str] = []
    for name, usage in picture.models.items():
        model = safe_text(name, 80)
        variable = model.partition("/")[0].upper().replace("-", "_")
        for kind, count in usage.errors.most_common():
            said = safe_text(usage.said[kind], 300)
            mend = _MENDS.get(kind, "").replace("{}", variable)
            lines.append(
                f"{count:,} of {usage.calls:,} calls of {model} failed: {kind}"
                + (f": {said}" if said else "")
                + (f"; {mend}" if mend else "")
            )
    return lines
