"""
The container files, tried: a run in containers, looked at from inside and outside.

``python -m tests.containers`` needs a container engine, takes a minute or two, removes
all that it made but the images, and ends with 1 when something is not as
docs/containers.md says.  It is no part of the suite.
"""

import json
import re
import shutil
import socketserver
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import msgspec

ROOT = Path(__file__).parents[1]
#: What the image is built from, and the files that say how.
SOURCES = (
    *(".dockerignore", "Dockerfile", "docker-compose.yml", "pyproject.toml"),
    *("README.md", "LICENSE", "requirements", "platform", "agents", "scenarios"),
)
ROLES = ("conductor", "logger", "worker")
SECRET = "not-a-key-but-as-long-as-one-0123456789"
#: What each service has as files: models' keys, and its own password at the server.
SECRETS = {
    "valkey": ["health", "users.acl"],
    "conductor": ["url"],
    "logger": ["url"],
    "worker": ["anthropic_api_key", "openai_api_key", "url"],
}
#: Bytes that a container may use, and how many processes it may have.
MEMORY = defaultdict(lambda: 512 << 20, valkey=2 << 30)
PROCESSES = 128
#: Users: the server's image has one of its own.
USERS = defaultdict(lambda: "1000", valkey="999")
#: Where a worker is listened for.
PORT = 8099
#: The engine whose internal networks can be closed to the machine itself.
CLOSED = 28

#: A fact a line.  Not every image has a Python.
LOOK = rf"""
echo "uid $(id -u)"
tr -d : </proc/self/status | grep -E '^(Cap|NoNewPrivs|Seccomp\b)'
for folder in / /bin /dev /etc /home /opt /root /sys /usr/bin /var/tmp /proc/sys/kernel
do touch $folder/x 2>/dev/null && echo "wrote $folder"; done
cp /bin/true /tmp/x && {{ /tmp/x 2>/dev/null && echo "ran /tmp/x"; rm /tmp/x; }}
cd /sys/fs/cgroup
echo "memory $(cat memory.max memory/memory.limit_in_bytes 2>/dev/null)"
echo "swap $(cat memory.swap.max memory/memory.memsw.limit_in_bytes 2>/dev/null)"
echo "processes $(cat pids.max pids/pids.max 2>/dev/null)"
env | grep -q {SECRET} && echo "told environment"
ls /run/secrets /access 2>/dev/null | grep -v : | sed 's/^/secret /'
true
"""
REACH = "timeout 3 bash -c 'exec 3<>/dev/tcp/{}/{}' 2>/dev/null && echo reached; true"


class Lab:
    """A copy of the project in *folder*, served by the command *compose*."""

    def __init__(self, folder: Path, compose: list[str]) -> None:
        self.folder = folder
        self.compose = compose
        self.faults = 0

    def run(self, *words: str) -> str:
        """What a command prints.  Raises `click.ClickException` when it fails."""
        done = subprocess.run(
            words, check=False, cwd=self.folder, capture_output=True, text=True
        )
        if done.returncode:
            said = (done.stdout + done.stderr)[-2000:]
            raise click.ClickException(f"{' '.join(words)}:\n{said}")
        return done.stdout

    def engine(self, *words: str) -> str:
        """What a command of the engine prints."""
        return self.run("docker", *words).strip()

    def of(self, service: str) -> dict[str, str]:
        """The ids of a service's containers, by name."""
        ids = self.run(*self.compose, "ps", "-q", service).split()
        return {self.engine("inspect", "-f", "{{.Name}}", i).strip("/"): i for i in ids}

    def check(self, what: str, got: object, wanted: object) -> None:
        """Say what was found, and count it when it is not as it should be."""
        good = got == wanted
        self.faults += not good
        shown = f"{got}" if good else f"{got}, not {wanted}"
        click.echo(f"  {'ok   ' if good else 'WRONG'}  {what}: {shown}")


def look_inside(lab: Lab, service: str, container: str) -> None:
    """Who somebody in the container is, and what he can do there."""
    facts: defaultdict[str, list[str]] = defaultdict(list)
    for line in lab.engine("exec", container, "sh", "-c", LOOK).splitlines():
        name, *rest = line.split()
        facts[name] += rest
    rights = {n: int(v[0], 16) for n, v in facts.items() if n.startswith("Cap")}

    lab.check("user", facts["uid"], [USERS[service]])
    lab.check("capabilities", (len(rights), sum(rights.values())), (5, 0))
    lab.check("no new privileges", facts["NoNewPrivs"], ["1"])
    lab.check("system calls filtered", facts["Seccomp"], ["2"])
    lab.check("written or executed", facts["wrote"] + facts["ran"], [])
    lab.check("memory", facts["memory"], [str(MEMORY[service])])
    # The newer kind counts swap by itself, the older one with the memory.
    lab.check("swap", set(facts["swap"]) <= {"0", str(MEMORY[service])}, True)
    lab.check("processes", facts["processes"], [str(PROCESSES)])
    lab.check("secrets", sorted(facts["secret"]), SECRETS[service])
    lab.check("secret in the environment", facts["told"], [])


def look_outside(lab: Lab, container: str) -> None:
    """What the engine tells of the container, and everybody through it."""
    told = lab.engine("inspect", container)
    logged = lab.engine("logs", container)
    given = lab.engine(
        "exec", container, "sh", "-c", "cat /access/url /access/health; true"
    )
    words = [SECRET, *re.findall(r"[\w-]{20,}", given)]
    facts: dict[str, Any] = json.loads(told)[0]
    ports = {**facts["NetworkSettings"]["Ports"], **facts["HostConfig"]["PortBindings"]}
    log = facts["HostConfig"]["LogConfig"]

    lab.check("published ports", {p: to for p, to in ports.items() if to}, {})
    lab.check("files of log", log["Config"], {"max-size": "10m", "max-file": "3"})
    lab.check("secrets known", len(words), 2)
    lab.check("secrets told", [w for w in words if w in told], [])
    lab.check("secrets logged", [w for w in words if w in logged], [])


@contextmanager
def listening() -> Generator[int]:
    """A port of this machine that takes whoever reaches it."""
    taker = socketserver.BaseRequestHandler
    with socketserver.ThreadingTCPServer(("0.0.0.0", 0), taker) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


def look_around(lab: Lab, port: int) -> None:
    """Who reaches a worker from where models are, and *port* of this machine."""
    listener, *_ = lab.of("worker").values()
    networks = json.loads(lab.engine("inspect", listener))[0]["NetworkSettings"][
        "Networks"
    ]
    bus, outside = (networks[name] for name in sorted(networks))
    here = ("python", "-m", "http.server", "--bind", outside["IPAddress"], f"{PORT}")
    lab.engine("exec", "-d", listener, *here)
    while not reach(lab, listener, outside["IPAddress"], PORT):
        time.sleep(0.1)
    version = int(lab.engine("version", "-f", "{{.Server.Version}}").split(".")[0])
    for service in ("valkey", *ROLES):
        for name, container in lab.of(service).items():
            out = reach(lab, container, outside["IPAddress"], PORT)
            lab.check(f"{name} reaches the outside", out, service == "worker")
            machine = reach(lab, container, bus["Gateway"] or outside["Gateway"], port)
            if version < CLOSED:
                click.echo(f"  --     {name} reaches this machine: {machine}")
            else:
                lab.check(f"{name} reaches this machine", machine, service == "worker")


def reach(lab: Lab, container: str, host: str, port: int) -> bool:
    """Whether somebody in the container gets a connection."""
    words = REACH.format(host, port)
    return lab.engine("exec", container, "sh", "-c", words) == "reached"


def inject(lab: Lab, soon: float) -> None:
    """An injection from one container is on a screen in another, in no time."""
    command = [*lab.compose, "exec", "-T", "logger", "hubbub", "tail", "-f", "--json"]
    with subprocess.Popen(
        [*command, "--room", "@truth"],
        cwd=lab.folder,
        stdout=subprocess.PIPE,
        text=True,
    ) as screen:
        seen: list[tuple[float, Any]] = []
        reader = threading.Thread(target=watch, args=(screen, seen))
        reader.start()
        words = ("exec", "-T", "conductor", "hubbub", "inject", "--mind", "silent")
        lab.run(*lab.compose, *words)
        reader.join()
        screen.terminate()
    for when, line in seen:
        late = when - line["at"] / 1000
        lab.check(f"{line['kind']} seen after {late:.2f} s: in time", late < soon, True)


def watch(screen: subprocess.Popen[str], seen: list[tuple[float, Any]]) -> None:
    """Keep the request and the onset that follows it, and when each came."""
    assert screen.stdout
    for line in screen.stdout:
        seen.append((time.time(), msgspec.json.decode(line)))
        if seen[-1][1]["kind"] == "onset":
            return


def finish(lab: Lab) -> None:
    """The run completes, everybody leaves, and what is left is whole."""
    click.echo("the run")
    for service in ROLES:
        for name, container in lab.of(service).items():
            lab.check(f"{name} ends", lab.engine("wait", container), "0")
    said = lab.run(*lab.compose, "run", "--rm", "--no-deps", "logger", "verify")
    lab.check("verified", bool(re.search("whole and unchanged", said)), True)
    click.echo(f"  --     {said.strip()}")


def look(lab: Lab, soon: float) -> None:
    """All of it, while a run goes on and when it has ended."""
    for service in ("valkey", *ROLES):
        for name, container in lab.of(service).items():
            click.echo(name)
            look_inside(lab, service, container)
            look_outside(lab, container)
    click.echo("network")
    with listening() as port:
        look_around(lab, port)
    click.echo("injection")
    inject(lab, soon)
    finish(lab)


def settle(folder: Path, rounds: int) -> None:
    """Lay a copy of the project into *folder*, with a run to play and a key."""
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    (folder / "runs").mkdir()
    (folder / "runs").chmod(0o777)
    (folder / "key").write_text(SECRET)
    (folder / ".env").write_text(
        f"HUBBUB_SET=rounds={rounds}\n"
        "OPENAI_API_KEY_FILE=./key\nANTHROPIC_API_KEY_FILE=./key\n"
    )


@click.command()
@click.option("--compose", default="docker compose", help="The command to call.")
@click.option(
    "--rounds", default=300, help="So many that the run outlasts the looking."
)
@click.option("--soon", default=1.0, help="Seconds until an injection is seen.")
def main(compose: str, rounds: int, soon: float) -> None:
    """Try docker-compose.yml and Dockerfile."""
    with TemporaryDirectory(prefix="hubbub-") as folder:
        lab = Lab(Path(folder), compose.split())
        settle(lab.folder, rounds)
        try:
            lab.run(*lab.compose, "up", "-d", "--build")
            look(lab, soon)
        finally:
            lab.run(*lab.compose, "down", "-v")
    click.echo(f"{lab.faults} faults")
    sys.exit(lab.faults > 0)


if __name__ == "__main__":
    main()
