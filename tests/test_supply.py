"""What is installed is what was reviewed: the locks, their licences, the bill."""

import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import msgspec
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = ("build", "run", "test")

#: What is permissive, as packages spell it; compared without case.
PERMISSIVE = {
    "0bsd",
    "2-clause bsd",
    "3-clause bsd license",
    "apache 2.0",
    "apache software license",
    "apache-2.0",
    "bsd",
    "bsd license",
    "bsd-2-clause",
    "bsd-3-clause",
    "cc0-1.0",
    "isc license (iscl)",
    "mit",
    "mit license",
    "psf-2.0",
    "python software foundation license",
    "zlib",
}
#: MPL 2.0 binds who changes its files, and nobody who merely uses them. We change none.
UNCHANGED = {
    "certifi": "the authorities that servers' certificates are checked against",
    "fqdn": "validates what the bill of materials says; for developers",
    "hypothesis": "makes up the cases of tests; for developers",
    "pathspec": "hatchling's reader of ignored paths; for developers",
    "tqdm": "the progress bars of a library that we do not let load anything",
}
#: What is locked for machines unlike this one cannot be asked: read in its own files.
ELSEWHERE = {
    "async-timeout": "Apache Software License",
    "colorama": "BSD License",
    "httpx2-jsfetch": "BSD-3-Clause",
}


class Locked(msgspec.Struct, frozen=True):
    """One line of a lock: *needed* with its version, and the digests of its files."""

    needed: Requirement
    hashes: tuple[str, ...]

    @property
    def name(self) -> str:
        """As all tools compare it."""
        return canonicalize_name(self.needed.name)

    @property
    def is_for_here(self) -> bool:
        """Whether this machine and this Python want it."""
        return self.needed.marker is None or self.needed.marker.evaluate()


def read_lock(name: str) -> list[Locked]:
    """The lock in ``requirements/NAME.txt``."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    lines = (
        re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE)
        .replace("\\\n", "")
        .splitlines()
    )
    parts = [line.split("--hash=") for line in lines]
    return [
        Locked(Requirement(p[0].strip()), tuple(h.strip() for h in p[1:]))
        for p in parts
    ]


def find(name: str) -> Distribution | None:
    """The installed distribution *name*, if it is installed."""
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def stated(found: Distribution) -> str:
    """What *found* says its licence is: an expression, or its classifiers, or a line."""
    facts = found.metadata.json
    classifiers = [str(c) for c in facts.get("classifier", [])]
    licences = [c for c in classifiers if c.startswith("License :: OSI Approved :: ")]
    named = " AND ".join(c.rpartition(" :: ")[2] for c in licences)
    first = str(facts.get("license", "")).strip().partition("\n")[0]
    return str(facts.get("license_expression") or named or first)


def is_permissive(licence: str) -> bool:
    """Whether one choice of *licence* has nothing but permissive parts."""
    choices = [re.split(r" and ", choice) for choice in licence.lower().split(" or ")]
    return any(all(part in PERMISSIVE for part in choice) for choice in choices)


def needed(group: str) -> list[str]:
    """What pyproject.toml asks for in the extra *group*, or without any."""
    project = PROJECT["project"]
    asked = (
        project["optional-dependencies"][group] if group else project["dependencies"]
    )
    return [r for r in asked if not r.startswith("hubbub[")]


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_is_pinned_by_version_and_hash(name: str) -> None:
    """Another file of the same name is not installed."""
    for line in read_lock(name):
        assert re.fullmatch(r"==[\w.]+", str(line.needed.specifier)), line.name
        assert line.hashes, line.name
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", h) for h in line.hashes)


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_host(name: str) -> None:
    """Where packages come from is the machine's affair; what they are is in the hash."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()

    assert not re.search(r"://|^--?[a-z]", text, flags=re.MULTILINE)


@pytest.mark.parametrize("extra", ["", *PROJECT["project"]["optional-dependencies"]])
def test_what_is_asked_for_is_locked_within_its_bounds(extra: str) -> None:
    """A new requirement, or a new bound, needs ``make lock``."""
    for lock in ("test",) if extra else ("run", "test"):
        versions = {line.name: line.needed.specifier for line in read_lock(lock)}
        for asked in map(Requirement, needed(extra)):
            (pin,) = versions[canonicalize_name(asked.name)]

            assert pin.version in asked.specifier, f"{asked}: make lock"


def test_the_locks_agree() -> None:
    """What is tested is what runs, and what it is built with."""
    tested = {(line.name, line.needed.specifier): line for line in read_lock("test")}

    for line in [*read_lock("run"), *read_lock("build")]:
        assert tested[line.name, line.needed.specifier].hashes == line.hashes


def test_what_builds_is_what_the_build_asks_for() -> None:
    """The group stands there for ``make lock`` alone."""
    assert PROJECT["dependency-groups"]["build"] == PROJECT["build-system"]["requires"]


def test_what_is_installed_is_what_is_locked() -> None:
    """Else these tests speak of other code than that which users get."""
    for line in read_lock("test"):
        if line.is_for_here:
            found = find(line.name)

            assert found, f"{line.name} is not installed: make test"
            assert found.version in line.needed.specifier, f"{line.name}: make test"


def test_every_licence_is_permissive() -> None:
    """Nobody who uses Hubbub takes on a duty that its own licence does not name."""
    names = {line.name for line in read_lock("test")}
    found = {name: find(name) for name in names}
    said = {n: stated(d) if d else ELSEWHERE[n] for n, d in found.items()}

    assert {
        n: s for n, s in said.items() if not is_permissive(s)
    }.keys() == UNCHANGED.keys()


@pytest.mark.parametrize("name", UNCHANGED)
def test_an_exception_is_for_one_licence(name: str) -> None:
    """A package that changes its licence is to be looked at again."""
    found = find(name)

    assert found
    assert re.search(r"mpl[- ]2\.0", stated(found).lower())


@pytest.mark.parametrize("file", ["Makefile", "Dockerfile", ".ci/run"])
def test_nothing_is_installed_without_its_hash(file: str) -> None:
    """What takes no hash takes nothing from outside either."""
    text = (ROOT / file).read_text().replace("\\\n", " ")
    commands = re.findall(r"\bpip\b[^&|\n]*?\b(?:install|wheel)\b[^&|\n]*", text)

    assert all("--require-hashes" in c or "--no-index" in c for c in commands)
    assert commands or file == ".ci/run"


def test_the_bill_of_materials_names_everything(tmp_path: Path) -> None:
    """Each package with its version, and what it needs."""
    out = tmp_path / "bill.json"
    # As make sbom does it, which also has the bill checked against its schema.
    tool = [sys.executable, "-m", "cyclonedx_py", "environment", "--no-validate"]
    project = ["--pyproject", str(ROOT / "pyproject.toml"), "--output-file", str(out)]
    subprocess.run([*tool, *project, sys.executable], check=True, capture_output=True)
    bill = json.loads(out.read_text())
    parts = {str(canonicalize_name(p["name"])): p for p in bill["components"]}

    assert bill["metadata"]["component"]["name"] == "hubbub"
    assert len(bill["dependencies"]) == len(parts) + 1
    for line in read_lock("test"):
        if line.is_for_here:
            assert parts[line.name]["version"] in line.needed.specifier
            assert parts[line.name]["purl"].startswith("pkg:pypi/")
