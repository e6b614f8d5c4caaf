"""What the container files promise, as far as it can be read from them."""

import re
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from hubbub.bus.settings import DURABLE
from hubbub.cli.main import commands

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docker-compose.yml").read_text()
FILE: dict[str, Any] = msgspec.yaml.decode(TEXT)
SERVICES: dict[str, Any] = FILE["services"]
ROLES = ("conductor", "logger", "worker")
#: The lines of the Dockerfile, continued ones joined, without comments.
STEPS = [
    line
    for line in re.sub(r"\\\n", "", (ROOT / "Dockerfile").read_text()).splitlines()
    if line and not line.startswith("#")
]


def options(command: list[str]) -> dict[str, str]:
    """``--name value`` pairs; a value may be empty, or several words."""
    pairs = [pair.partition(" ") for pair in " ".join(command).split(" --")[1:]]
    return {name: value for name, _, value in pairs}


def mounts(name: str, source: str) -> list[str]:
    """Where in the container of *name* the volume or folder *source* is."""
    found = [m.partition(":") for m in SERVICES[name].get("volumes", [])]
    return [place for volume, _, place in found if volume == source]


def test_the_services_are_the_roles_and_what_they_need() -> None:
    """A role more is a container more."""
    assert set(SERVICES) == {"valkey", "folder", "begin", *ROLES}


def test_nothing_is_published() -> None:
    """Whoever reaches the server can say anything as anybody."""
    assert not [name for name, service in SERVICES.items() if "ports" in service]


def test_the_server_keeps_what_it_acknowledged() -> None:
    """It is started as every role wants it, on a volume that outlives it."""
    settings = options(SERVICES["valkey"]["command"])

    assert settings.items() >= DURABLE.items()
    assert settings["save"] == ""
    assert settings["client-output-buffer-limit"].startswith("pubsub ")
    assert mounts("valkey", "log") == ["/data"]
    assert "log" in FILE["volumes"]


def test_only_workers_reach_the_outside() -> None:
    """The bus has no outside; models are asked by workers alone."""
    outside = [n for n, s in SERVICES.items() if "egress" in s.get("networks", [])]

    assert FILE["networks"]["bus"]["internal"] is True
    assert outside == ["worker"]


def test_only_workers_get_keys() -> None:
    """As files: the environment of a container can be read by who cannot enter it."""
    keyed = {n for n, s in SERVICES.items() if "api_key" in str(s).lower()}
    variables = SERVICES["worker"]["environment"].items()
    keys = {name: value for name, value in variables if "_API_KEY" in name}

    assert keyed == {"worker"}
    assert keys == {
        f"{secret.upper()}_FILE": f"/run/secrets/{secret}"
        for secret in SERVICES["worker"]["secrets"]
    }


def test_a_run_without_keys_needs_no_files() -> None:
    """A secret whose file is missing would keep the worker from starting."""
    assert FILE["secrets"] == {
        secret: {"file": f"${{{secret.upper()}_FILE:-/dev/null}}"}
        for secret in SERVICES["worker"]["secrets"]
    }


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_confined(name: str) -> None:
    """Nothing in it can be changed, and nobody in it can become more than he is."""
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["tmpfs"] == ["/tmp:noexec,nosuid,nodev,size=64m"]
    assert service.keys().isdisjoint({"privileged", "devices", "pid", "ipc"})


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_bounded(name: str) -> None:
    """None can take the machine's memory, its processes or its disk."""
    service = SERVICES[name]

    assert service["mem_limit"] == service["memswap_limit"]
    assert service["pids_limit"] <= 128
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}


def test_the_server_is_full_before_its_container_is() -> None:
    """It refuses what it has no room for; a container over its bound is killed."""
    allowed = SERVICES["valkey"]["mem_limit"]
    full = options(SERVICES["valkey"]["command"])["maxmemory"]

    assert (full, allowed) == ("1536mb", "2g")


def test_an_image_from_elsewhere_has_a_whole_version() -> None:
    """What is played today is what is played in a year."""
    images = {service["image"] for service in SERVICES.values()}

    assert {i for i in images if i != "hubbub"} == {"valkey/valkey:9.1.2"}


def test_no_container_sees_the_engine() -> None:
    """Who may talk to it is root on the machine, of which they have one folder."""
    mounts = {m.split(":")[0] for s in SERVICES.values() for m in s.get("volumes", [])}

    assert mounts - set(FILE["volumes"]) == {"./runs"}


def test_one_container_is_root_and_it_talks_to_nobody() -> None:
    """It gives the run folder and the passwords away, and ends."""
    root = [n for n, s in SERVICES.items() if re.match(r"0|root", s["user"])]

    assert root == ["folder"]
    assert SERVICES["folder"]["network_mode"] == "none"
    assert SERVICES["folder"]["restart"] == "no"
    assert [n for n, s in SERVICES.items() if "cap_add" in s] == ["folder"]


@pytest.mark.parametrize("name", ROLES)
def test_a_role_is_kept_alive_and_ends_with_its_run(name: str) -> None:
    """It starts when there is a run, and again when it dies; one more is in reserve."""
    role = SERVICES[name]

    assert role["depends_on"] == {
        "begin": {"condition": "service_completed_successfully"}
    }
    assert role["restart"].startswith("on-failure")
    assert role["command"] == [name, "--if-any"]
    assert role["scale"] == 2


def test_the_logger_alone_writes_runs() -> None:
    """The conductor's container can look at them."""
    runs = {name: mounts(name, "./runs") for name in ROLES}

    assert runs == {"logger": ["/runs"], "conductor": ["/runs:ro"], "worker": []}


@pytest.mark.parametrize("name", ["valkey", "begin", *ROLES])
def test_each_role_has_its_own_password_and_no_other(name: str) -> None:
    """In a volume that it can read and not change; who begins a run conducts it."""
    own = f"access-{'conductor' if name == 'begin' else name}"
    found = [m for m in SERVICES[name]["volumes"] if m.startswith("access-")]

    assert found == [f"{own}:/access:ro"]
    assert own in FILE["volumes"]
    assert mounts("folder", own) == [f"/access/{own.removeprefix('access-')}"]


def test_the_server_lets_in_roles_alone() -> None:
    """By users that are made before it starts; no password is in the file."""
    server = SERVICES["valkey"]

    assert options(server["command"])["aclfile"] == "/access/users.acl"
    assert server["depends_on"] == {
        "folder": {"condition": "service_completed_successfully"}
    }
    for name in ("begin", *ROLES):
        environment = SERVICES[name]["environment"]
        assert environment["REDIS_URL_FILE"] == "/access/url"
        assert "REDIS_URL" not in environment


@pytest.mark.parametrize("name", ["begin", *ROLES])
def test_a_container_says_what_the_command_line_takes(name: str) -> None:
    """A misspelt option would be found in the container only."""
    command, *rest = SERVICES[name]["command"]
    known = commands.commands[command]

    assert known.make_context(command, [*rest, "--redis", "redis://x"])


def test_what_a_run_is_made_of_comes_from_the_environment() -> None:
    """Every option of the population can be set without editing a file."""
    known = {
        str(option.envvar)
        for option in commands.commands["begin"].params
        if isinstance(option, click.Option) and option.envvar
    }

    told = set(SERVICES["begin"]["environment"])
    assert known - {"REDIS_URL"} == told - {"REDIS_URL_FILE", "HUBBUB_LOG"}


def test_nothing_has_to_be_set() -> None:
    """Every variable has a default."""
    assert not re.findall(r"(?<!\$)\$(?!\$|\{\w+:-)", TEXT)


def test_the_image_runs_without_root() -> None:
    """Its last user is nobody special."""
    assert [step for step in STEPS if step.startswith("USER ")] == ["USER 1000:1000"]


def test_the_image_leaves_the_build_behind() -> None:
    """What runs is a slim Python of one version and one folder from the first stage."""
    last = max(i for i, step in enumerate(STEPS) if step.startswith("FROM "))
    copies = [step for step in STEPS[last:] if step.startswith(("COPY ", "ADD "))]

    assert re.fullmatch(r"FROM python:3\.11\.\d+-slim-\w+", STEPS[last])
    assert STEPS[0] == f"{STEPS[last]} AS build"
    assert copies == ["COPY --from=build /opt/hubbub /opt/hubbub"]
    assert not re.search(r"\b(pip|apt-get)\b", " ".join(STEPS[last:]))


def test_the_image_is_built_from_what_is_let_in() -> None:
    """Everything is kept out but the named, so that no key or run gets into an image."""
    kept_out, *let_in = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if not line.startswith("#")
    ]
    copied = {
        source
        for step in STEPS
        if step.startswith("COPY ") and "--from" not in step
        for source in step.split()[1:-1]
    }

    assert kept_out == "*"
    assert {line[1:] for line in let_in if line.startswith("!")} == copied
    assert all((ROOT / name).exists() for name in copied)
