"""The run folder: one run, readable without us, made once and never overwritten."""

import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import msgspec

from hubbub.errors import BadPopulation, NotARun, RunExists
from hubbub.injections import group_of
from hubbub.ledger import Record, read_records
from hubbub.messages import Injected
from hubbub.population import Population, as_toml, read_population
from hubbub.terms import Terms
from hubbub.text import escape_json

#: What there may be before a folder has its manifest and is a run's.
_BEGINNINGS = ("population.toml", ".population.toml", ".manifest.json")


class Origin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    Where a run comes from that was forked: from *run*, whose log it shares up to *seq*.

    *hash* is the chain's there.  What is otherwise from then on: *injected* is asked for,
    and the injections *without* are to end or never to begin.
    """

    run: str
    seq: int
    hash: str
    injected: tuple[Injected, ...] = ()
    without: tuple[str, ...] = ()


class Manifest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    What a run is, and at its end what it came to.

    *created* and *ended* are UTC; *population_sha256* is that of ``population.toml``;
    *last_hash* the chain's end in ``log.jsonl``; *wall* the seconds of the last sitting;
    *terms* what it may spend, and *why* it has stopped, if it has; *origin* is that of a
    fork.
    """

    run: str
    scenario: str
    seed: int
    created: str
    population_sha256: str
    parameters: dict[str, Any]
    seats: int
    hubbub: str
    python: str
    state: Literal["running", "stopped", "complete"] = "running"
    why: str = ""
    ended: str = ""
    server: str = ""
    terms: Terms = Terms()
    origin: Origin | None = None
    messages: int = 0
    asks: int = 0
    outcomes: dict[str, int] = {}
    last_hash: str = ""
    wall: float = 0.0


class RunFolder:
    """The files of one run."""

    def __init__(self, path: Path) -> None:
        """Raises `NotARun` if there is no readable manifest in *path*."""
        self.path = path
        self.log = path / "log.jsonl"
        self.calls = path / "calls.jsonl"
        self.server = path / "server"
        try:
            # Compact again, since what is kept as it stands must be as it was.
            text = msgspec.json.format((path / "manifest.json").read_bytes(), indent=-1)
            self.manifest = msgspec.json.decode(text, type=Manifest)
        except OSError:
            raise NotARun(path) from None
        except (ValueError, RecursionError) as error:
            raise NotARun(path, f"its manifest.json is none: {error}") from None

    @property
    def run(self) -> str:
        """The run's id."""
        return self.manifest.run

    @property
    def shared(self) -> int:
        """The ``seq`` up to which the log is that of the run it was forked from, or 0."""
        return self.manifest.origin.seq if self.manifest.origin else 0

    def population(self) -> Population:
        """What the run was made from; `BadPopulation` if the file was changed since."""
        file = self.path / "population.toml"
        population = read_population(file)
        if _digest(file.read_bytes()) != self.manifest.population_sha256:
            raise BadPopulation(
                f"{file} has been changed since the run began: put it back as it was, "
                "or play the new one in another --out"
            )
        return population

    def models(self) -> tuple[str, ...]:
        """The models of its seats, and of what a fork has injected, sorted."""
        origin = self.manifest.origin
        groups = [group_of(what) for what in origin.injected] if origin else []
        injected = {group.model for group in groups if group.model}
        return tuple(sorted({*self.population().models(), *injected}))

    def save(self, manifest: Manifest) -> None:
        """Replace the manifest, at once or not at all."""
        self.manifest = manifest
        encoded = escape_json(
            msgspec.json.format(msgspec.json.encode(manifest), indent=2)
        )
        write_file(self.path / "manifest.json", encoded + b"\n")


def own_records(path: Path) -> Iterator[Record]:
    """The calls of the run in *path*, but for those a fork shares; none without a run."""
    try:
        folder = RunFolder(path)
    except NotARun:
        return
    for record in read_records(folder.calls):
        if record.seq > folder.shared:
            yield record


def new_run_id(scenario: str) -> str:
    """``<utc>-<scenario>-<id>``, at most 64 characters."""
    stamp = datetime.now(UTC).strftime("%Y%m%dt%H%M%S").lower()
    return f"{stamp}-{scenario[:40]}-{uuid4().hex[:6]}"


def make_folder(
    path: Path,
    run: str,
    scenario: str,
    population: Population,
    parameters: dict[str, Any],
) -> RunFolder:
    """Begin the folder of a new run; raises `RunExists` if *path* holds anything."""
    if path.exists() and any(file.name not in _BEGINNINGS for file in path.iterdir()):
        raise RunExists(f"{path} is not empty: choose another --out")
    path.mkdir(parents=True, exist_ok=True)
    text = as_toml(population).encode()
    write_file(path / "population.toml", text)
    manifest = Manifest(
        run=run,
        scenario=scenario,
        seed=population.seed,
        created=now(),
        population_sha256=_digest(text),
        parameters=parameters,
        seats=len(population.names()),
        hubbub=version("hubbub"),
        python=platform.python_version(),
    )
    encoded = escape_json(msgspec.json.format(msgspec.json.encode(manifest), indent=2))
    write_file(path / "manifest.json", encoded + b"\n")
    return RunFolder(path)


def open_or_make(
    path: Path,
    run: str,
    scenario: str,
    population: Population,
    parameters: dict[str, Any],
) -> RunFolder:
    """
    The unfinished run in *path* if it is the same one, else a new one.

    Raises `RunExists` where *path* holds a complete run or one made otherwise.
    """
    if not (path / "manifest.json").exists():
        return make_folder(path, run, scenario, population, parameters)
    folder = RunFolder(path)
    if folder.manifest.state == "complete":
        raise RunExists(f"{path} holds a complete run: choose another --out")
    if _digest(as_toml(population).encode()) != folder.manifest.population_sha256:
        raise RunExists(
            f"{path} holds an unfinished run of another population, scenario, seed or "
            f"parameters: finish it with 'hubbub resume {path}' or choose another --out"
        )
    return folder


def point_latest(path: Path) -> None:
    """Let ``latest`` beside *path* point to it."""
    link = path.parent / "latest"
    draft = path.parent / f".latest-{uuid4().hex[:8]}"
    draft.symlink_to(path.name)
    draft.replace(link)


def now() -> str:
    """The time, UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write_file(path: Path, data: bytes) -> None:
    """Make or replace the file at *path*, at once or not at all."""
    draft = path.with_name(f".{path.name}")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()
