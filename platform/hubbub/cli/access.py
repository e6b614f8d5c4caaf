"""``hubbub acl``: a user for each role on a server of one's own, and how they are used."""

import os
from collections.abc import MutableMapping
from pathlib import Path

import click

from hubbub.bus.acl import RIGHTS, USERS, make_access, url_file
from hubbub.bus.directory import check_url
from hubbub.cli.output import echo_json, told
from hubbub.errors import UsageError
from hubbub.text import safe_text

#: Names a file with the address of the server, and its password.
FILE = "REDIS_URL_FILE"
#: Bytes of such a file.
MAX_FILE = 1 << 12


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--server",
    default="redis://127.0.0.1:6379/0",
    show_default=True,
    metavar="URL",
    help="Where the roles reach the server.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON lines on stdout.")
def acl(folder: Path, server: str, as_json: bool) -> None:
    """
    Make a user for each role of a server of yours, with new passwords, in FOLDER.

    The server reads users.acl, which has no password in it; each role's address, with
    its password, is in ROLE.url.  All is readable for you alone.
    """
    check_url(server)
    if (folder / USERS).exists():
        raise UsageError(
            f"{folder / USERS} is there already: move it away to have new passwords"
        )
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_access(folder, server)
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}") from None
    users = (folder / USERS).absolute()
    if as_json:
        files = {role: told(url_file(folder, role)) for role in RIGHTS}
        echo_json({"users": told(users), "urls": files})
        return
    click.echo(f"users.acl for the server: in its configuration say\n  aclfile {users}")
    click.echo("addresses of the roles, each for that role alone:")
    for role in RIGHTS:
        click.echo(f"  {url_file(folder, role)}")
    click.echo(
        f"a role is started like this:\n  {FILE}={folder}/worker.url hubbub worker"
    )


def read_url_file(environment: MutableMapping[str, str]) -> None:
    """
    Set ``REDIS_URL`` to what is in the file that ``REDIS_URL_FILE`` names, if it does.

    Raises `UsageError` for a file that cannot be read or holds no address.
    """
    if not (named := environment.get(FILE)):
        return
    path = Path(named).expanduser()
    try:
        with path.open("rb") as file:
            url = file.read(MAX_FILE).decode().strip()
    except OSError as error:
        who = (
            f": let user {os.getuid()} read it"
            if isinstance(error, PermissionError)
            else ""
        )
        raise _unusable(path, f"cannot be read: {error.strerror}{who}") from None
    except UnicodeDecodeError:
        raise _unusable(path, "is not UTF-8") from None
    try:
        environment["REDIS_URL"] = check_url(url)
    except UsageError:
        # What it holds may be a password.
        raise _unusable(path, "has no server's address in it") from None


def _unusable(path: Path, why: str) -> UsageError:
    return UsageError(f"{FILE}: {safe_text(str(path), 200)} {why}")
