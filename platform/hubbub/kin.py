"""Runs that share a past: which run a fork comes from, and which forks a run has."""

from collections.abc import Iterator

from hubbub.errors import NotARun, UsageError
from hubbub.folder import RunFolder
from hubbub.text import safe_text

#: Runs that are named where one of them is to be chosen.
_NAMED = 5


def find_twin(folder: RunFolder) -> RunFolder | None:
    """
    The run beside *folder* that it is a fork of, or else the one that is a fork of it.

    None where there is no such run; `UsageError` names its forks where they are several.
    """
    origin = folder.manifest.origin
    if origin is not None:
        found = _naming(origin.run, folder)
        return next((other for other in found if other.run == origin.run), None)
    forks = [one for one in _naming(folder.run, folder) if _is_fork(one, folder.run)]
    if len(forks) > 1:
        names = ", ".join(str(one.path) for one in forks[:_NAMED])
        raise UsageError(
            f"{folder.path} has {len(forks)} forks: say which is its twin, of "
            f"{safe_text(names)}"
        )
    return forks[0] if forks else None


def _is_fork(other: RunFolder, run: str) -> bool:
    return other.manifest.origin is not None and other.manifest.origin.run == run


def _naming(run: str, folder: RunFolder) -> Iterator[RunFolder]:
    """The runs in the folder that *folder* is in whose manifests name *run*."""
    for manifest in sorted(folder.path.absolute().parent.glob("*/manifest.json")):
        # A study has thousands beside each other: only what names it is decoded.
        if manifest.parent.is_symlink() or run.encode() not in manifest.read_bytes():
            continue
        try:
            yield RunFolder(manifest.parent)
        except NotARun:
            continue
