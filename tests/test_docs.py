"""The documentation is true: what it shows is run, what it names is there."""

import os
import re
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from inspect import getdoc
from pathlib import Path
from typing import Any, get_args

import click
import msgspec
import pytest

from hubbub import Stage
from hubbub.cli.main import commands
from hubbub.folder import Manifest
from hubbub.messages import KINDS, Message, Outcome
from hubbub.models.base import Call, Sampling
from hubbub.models.catalogue import SERVERS
from hubbub.policies import POLICIES, Notes, Summary, Window
from hubbub.population import Group, Injection, Population
from hubbub.registry import load_outcome, load_scenario, minds, outcomes, wrappers
from hubbub.study import file as study_file
from hubbub.study import injected
from hubbub.study.table import Row
from hubbub_agents.adversaries import ADVERSARIES, OPTIONS
from hubbub_agents.believer import BelieverOptions
from hubbub_agents.givers import GiverOptions
from hubbub_agents.repeater import RepeaterOptions
from hubbub_scenarios.sentence_construction.minds import WriterOptions

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]
EXAMPLES = sorted(ROOT.glob("docs/examples/*.py"))

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
#: The last words before a block that is a file.
_NAMED = re.compile(r"`([\w/-]+\.(?:py|toml|txt))`:\s*$")
_NOT_RUN = re.compile(r"<!-- not run: \S.* -->\s*$")
#: What the README says to somebody who has nothing yet.
_BY_HAND = re.compile(r"make (?:demo|test)\b")
#: Folders of a developer's machine; a test may name the one for temporary files.
_PRIVATE = re.compile(r"(?<![\w.~*-])/(?:work|root|home/\w+|Users/\w+)/")
_TEMPORARY = re.compile(r"(?<![\w.~*-])/tmp/\w")


each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@dataclass(frozen=True)
class Block:
    """A fenced block of *page*; *name* is the file that it is to be."""

    page: Path
    line: int
    language: str
    text: str
    name: str
    is_run: bool


def read_blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of *page*, in order."""
    text = page.read_text()
    for found in _FENCE.finditer(text):
        before = text[: found.start()]
        named = _NAMED.search(before)
        yield Block(
            page=page,
            line=before.count("\n") + 1,
            language=found[1],
            text=found[2],
            name=named[1] if named else "",
            is_run=not _NOT_RUN.search(before),
        )


def play_block(block: Block, folder: Path) -> None:
    """Do in *folder* what *block* shows."""
    if block.name:
        if not (folder / block.name).exists():
            (folder / block.name).write_text(block.text)
        assert (folder / block.name).read_text() == block.text, "the file is another"
    match block.language:
        case "console" | "sh":
            lines = block.text.splitlines()
            script = "\n".join(line for line in lines if not _BY_HAND.match(line))
            execute(["sh", "-e", "-c", script], folder)
        case "python" if not block.name and not is_excerpt(block.text):
            execute([sys.executable, "-c", block.text], folder)
        case "toml":
            tomllib.loads(block.text)
        case "json":
            msgspec.json.decode(block.text)
        case _:
            pass


def is_excerpt(text: str) -> bool:
    """Whether *text* stands in an example, which is run as a whole."""
    depths = (textwrap.indent(text, prefix) for prefix in ("", "    "))
    sources = [example.read_text() for example in EXAMPLES]
    return any(lines in source for lines in depths for source in sources)


def execute(command: list[str], folder: Path) -> None:
    """Run *command* in *folder*, with the `hubbub` and `python` that run this test."""
    bins = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    kept = {k: v for k, v in os.environ.items() if k not in ("REDIS_URL", "HUBBUB_LOG")}
    environment = kept | {"PATH": bins, "HUBBUB_RUNS": "runs", "PYTHONUTF8": "1"}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"


@each_page
def test_what_a_page_shows_works_from_top_to_bottom(page: Path, tmp_path: Path) -> None:
    """Every command, example and file of a page is tried, unless it says why not."""
    for name in ("docs", "benchmarks"):
        (tmp_path / name).symlink_to(ROOT / name)
    for block in read_blocks(page):
        if block.is_run:
            play_block(block, tmp_path)


# -- names


def read_commands(page: Path) -> Iterator[str]:
    """What *page* shows to be typed after the word `hubbub`."""
    for block in read_blocks(page):
        if block.language in ("console", "sh"):
            yield from re.findall(r"\bhubbub ([a-z-][^#|;&\n]*)", block.text)
    yield from re.findall(r"`hubbub ([^`\n]+)`", _FENCE.sub("", page.read_text()))


@each_page
def test_every_command_and_option_is_there(page: Path) -> None:
    """What follows the word `hubbub` on a command line is known to it."""
    for command in read_commands(page):
        check_command(command.split())


def check_command(words: list[str]) -> None:
    """Raise unless *words* name a command of `hubbub`, and options that it has."""
    command: click.Command = commands
    while isinstance(command, click.Group) and words and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    command = getattr(command, "usual", command)
    group = isinstance(command, click.Group) and command.no_args_is_help
    assert not group or words[0].startswith("-"), f"there is no command {words[0]}"
    known = {o for p in command.params for o in p.opts} | {"-h", "--help"}
    options = [word.partition("=")[0] for word in words if word.startswith("-")]
    assert known.issuperset(options), f"{command.name} has not all of {options}"


@each_page
def test_every_option_that_is_named_alone_is_there(page: Path) -> None:
    """An option in a sentence is one that some command has."""
    every = {"--help", "--version"}
    for command in commands.commands.values():
        inner = command.commands.values() if isinstance(command, click.Group) else ()
        for one in (command, *inner):
            every.update(o for p in one.params for o in p.opts)
    for code in re.findall(r"`(--[a-z][^`\n]*)`", page.read_text()):
        assert code.split()[0] in every, f"no command has {code}"


@each_page
def test_every_variable_is_read(page: Path) -> None:
    """An environment variable of ours is one that the code or the containers read."""
    readers = [*ROOT.glob("platform/**/*.py"), ROOT / "docker-compose.yml"]
    read = "\n".join(reader.read_text() for reader in readers)
    for name in re.findall(
        r"\bHUBBUB_[A-Z]+(?:_[A-Z]+)*\b|\bREDIS_URL\b", page.read_text()
    ):
        assert f'"{name}"' in read or f"${{{name}:" in read, f"nobody reads {name}"


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    """A relative link leads to a file of the repository and to a heading in it."""
    for link in _LINK.findall(_FENCE.sub("", page.read_text())):
        if "://" in link:
            continue
        path, _, heading = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        assert not heading or heading in headings(target), link


def headings(page: Path) -> set[str]:
    """The anchors that *page*'s headings get."""
    lines = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in lines}


# -- tables


def read_table(page: str, heading: str) -> list[str]:
    """The rows of the table in *page* whose first column is called *heading*."""
    lines = (ROOT / "docs" / page).read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    rows = lines[start + 2 :]
    end = next((i for i, row in enumerate(rows) if not row.startswith("|")), len(rows))
    return rows[:end]


def fields(struct: type[msgspec.Struct]) -> set[str]:
    """The names of *struct*'s fields."""
    return set(struct.__struct_fields__)


STAGE = {name for name in vars(Stage) if not name.startswith("_")} | {"seats", "rng"}
HOSTILE = set[str]().union(*map(fields, OPTIONS))
TABLES = [
    ("concepts.md", "outcome | when", set(get_args(Outcome))),
    ("scenarios.md", "on the stage", STAGE),
    ("scenarios.md", "key of the file", fields(Population)),
    ("scenarios.md", "key of a group", fields(Group)),
    ("scenarios.md", "key of sampling", fields(Sampling)),
    ("minds.md", "mind", set(minds()) - ADVERSARIES.keys()),
    ("adversary-minds.md", "adversary", set(ADVERSARIES)),
    ("adversary-minds.md", "option of an adversary", HOSTILE - fields(BelieverOptions)),
    (
        "adversary-minds.md",
        "option of a believer",
        fields(RepeaterOptions) - fields(GiverOptions),
    ),
    ("minds.md", "option of a talker", fields(GiverOptions) | fields(WriterOptions)),
    ("adversaries.md", "wrapper", set(wrappers())),
    ("adversaries.md", "key of an injection", fields(Injection) - fields(Group)),
    ("minds.md", "policy", set(POLICIES)),
    ("minds.md", "field of a window", fields(Window)),
    ("minds.md", "field of a summary", fields(Summary)),
    ("minds.md", "field of notes", fields(Notes)),
    ("minds.md", "provider", {*SERVERS, "local", "scripted"}),
    *(
        (page, f"parameter of {name}", set(load_scenario(name).parameters))
        for name, page in (
            ("cocktail-party", "cocktail-party.md"),
            ("sentence-construction", "sentence-construction.md"),
            ("public-goods", "poisoning.md"),
            ("poisoning", "poisoning.md"),
            ("knowledge-flooding", "knowledge-flooding.md"),
        )
    ),
    (
        "studies.md",
        "key of a study",
        fields(study_file.Study) - fields(study_file.Setting),
    ),
    ("studies.md", "key of an arm", fields(study_file.Setting)),
    ("studies.md", "key of an outcome", fields(study_file.Outcome)),
    ("studies.md", "key of a comparison", fields(study_file.Compare)),
    ("studies.md", "outcome", set(outcomes())),
    (
        "effects.md",
        "source",
        {n for n in outcomes() if load_outcome(n).__module__ == injected.__name__},
    ),
    (
        "effects.md",
        "option of effect",
        {o.opts[0] for o in commands.commands["effect"].params if o.opts[0][0] == "-"},
    ),
    ("studies.md", "column", fields(Row)),
    ("log.md", "field of a line", fields(Message) | {"hash"}),
    ("log.md", "field of a call", fields(Call)),
    ("log.md", "field of the manifest", fields(Manifest)),
]


@pytest.mark.parametrize(
    ("page", "heading", "names"),
    TABLES,
    # Sets are in another order in each process, and all processes must agree.
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_table_has_what_the_code_has(
    page: str, heading: str, names: set[str]
) -> None:
    """No more names than there are, and no fewer."""
    found = [row.split("`")[1] for row in read_table(page, heading)]

    assert sorted(found) == sorted(names)


def test_the_kinds_are_as_in_the_code() -> None:
    """Each kind with its fields, their defaults and its meaning, in the code's order."""
    expected = [kind_row(kind, body) for kind, body in KINDS.items()]

    found = read_table("log.md", "kind")
    assert found == expected, "docs/log.md should say:\n" + "\n".join(expected)


def kind_row(kind: str, body: type[msgspec.Struct]) -> str:
    """The row of the table of kinds for *kind*."""
    shown = ", ".join(
        f"`{shown_field(field)}`" for field in msgspec.structs.fields(body)
    )
    meaning = (getdoc(body) or "").split("\n\n")[0].replace("\n", " ")
    code = re.sub(r"``([^`]+)``|[*](\w+)[*]", r"`\1\2`", meaning)
    return f"| `{kind}` | {shown} | {code} |"


def shown_field(field: msgspec.structs.FieldInfo) -> str:
    """*field*'s name, and its default if it has one."""
    if field.required:
        return field.name
    default: Any = field.default
    if default is msgspec.NODEFAULT:
        default = field.default_factory()
    if isinstance(default, msgspec.Raw):
        return f"{field.name}={bytes(default).decode()}"
    return f"{field.name}={msgspec.json.encode(default).decode()}"


# -- what must not be in the repository


def repository(folder: Path = ROOT) -> Iterator[Path]:
    """Every file below *folder* that is not ignored."""
    ignored = [".git", *(ROOT / ".gitignore").read_text().replace("/", "").split()]
    for path in folder.iterdir():
        if any(fnmatch(path.name, pattern) for pattern in ignored):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from repository(path)
        elif path.is_file():
            yield path


def test_no_file_names_a_developers_machine() -> None:
    """Nothing in the repository depends on, or tells of, one machine's folders."""
    for file in repository():
        text = file.read_bytes().decode(errors="replace")
        assert not _PRIVATE.search(text), file
        if not file.is_relative_to(ROOT / "tests"):
            assert not _TEMPORARY.search(text), file
