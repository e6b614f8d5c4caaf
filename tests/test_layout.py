"""The shape of the source tree: three roots, imports that point down, plain names."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

ROOT = Path(__file__).parent.parent
#: Each source root with its package, and the packages that it may import.
ROOTS = {
    "platform/hubbub": set[str](),
    "agents/hubbub_agents": {"hubbub"},
    "scenarios/hubbub_scenarios": {"hubbub", "hubbub_agents"},
}
OURS = {Path(package).name for package in ROOTS}
#: What these import of hubbub: the leaves nothing, the vocabulary only leaves.
LEAVES = {
    "secrets": set[str](),
    "text": {"hubbub.secrets"},
    "chance": set[str](),
    "errors": {"hubbub.text"},
    "names": {"hubbub.errors"},
    "messages": {"hubbub.errors", "hubbub.text"},
    "chat": {"hubbub.messages"},
}
#: Code lines from which a module needs a reason at its top.
LONGEST = 500
VAGUE = ("Manager", "Helper", "Helpers", "Util", "Utils", "Misc", "Common")


def sources(*roots: str) -> list[Path]:
    """Every Python file in *roots*, by default those of the distribution."""
    return sorted(
        path for root in roots or ROOTS for path in (ROOT / root).rglob("*.py")
    )


def tree(path: Path) -> ast.Module:
    """What is written in the file *path*."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[str]:
    """Every module that the file *path* imports, within functions too."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("root", ROOTS)
def test_imports_point_down(root: str) -> None:
    """Scenarios know agents, agents know the platform, the platform knows neither."""
    allowed = ROOTS[root] | {Path(root).name}
    for path in sources(root):
        found = {name.partition(".")[0] for name in imports(path)} & OURS

        assert found <= allowed, path


@pytest.mark.parametrize("name", LEAVES)
def test_the_vocabulary_rests_on_leaves(name: str) -> None:
    """Words that everybody uses depend on nobody."""
    path = ROOT / "platform/hubbub" / f"{name}.py"
    found = {module for module in imports(path) if module.startswith("hubbub")}

    assert found <= LEAVES[name]


def test_only_the_command_line_knows_the_command_line() -> None:
    """It is a shell over the package, which can do without it."""
    for path in sources():
        inside = "cli" in path.parts or path.name == "__main__.py"
        assert inside or not [m for m in imports(path) if m.startswith("hubbub.cli")]


@pytest.mark.parametrize("root", ["platform", "agents", "scenarios"])
def test_a_root_is_no_package(root: str) -> None:
    """``platform/__init__.py`` would hide the standard library's module."""
    files = [path.name for path in (ROOT / root).iterdir() if path.is_file()]

    assert not files


def test_the_standard_librarys_platform_is_the_standard_librarys() -> None:
    """Also where the source tree is the working directory."""
    code = "import platform, hubbub; print(platform.python_version())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.startswith("3.")


@pytest.mark.parametrize("root", ROOTS)
def test_every_package_says_that_it_is_typed(root: str) -> None:
    """Type checkers of users read our annotations."""
    assert (ROOT / root / "py.typed").is_file()


def test_nothing_is_named_for_what_it_is_not() -> None:
    """A name says what a thing is; none of these does."""
    for path in sources():
        words = path.stem.split("_")
        names = [
            node.name for node in ast.walk(tree(path)) if isinstance(node, Definition)
        ]

        assert not [word for word in words if word.capitalize() in VAGUE], path
        assert not [name for name in names if name.startswith(VAGUE)], path
        assert not [name for name in names if name.endswith(VAGUE)], path


def test_modules_are_short() -> None:
    """A subject that takes more than 500 lines is two subjects."""
    for path in sources():
        assert len(path.read_text(encoding="utf-8").splitlines()) < LONGEST, path


def test_every_module_says_what_it_is() -> None:
    """In a sentence, at its top."""
    for path in sources():
        assert ast.get_docstring(tree(path)), path


def public(body: list[ast.stmt]) -> Iterator[Definition]:
    """The public classes, functions and methods in *body*."""
    for node in body:
        if not isinstance(node, Definition) or node.name.startswith("_"):
            continue
        yield node
        if isinstance(node, ast.ClassDef) and not node.bases:
            yield from public(node.body)


def test_everything_public_says_what_holds() -> None:
    """Classes, functions, and the methods of classes that inherit no docstring."""
    missing = [
        f"{path}:{node.lineno} {node.name}"
        for path in sources("platform/hubbub", "agents", "scenarios")
        for node in public(tree(path).body)
        if not ast.get_docstring(node)
    ]

    assert not missing


def test_nothing_is_left_for_later() -> None:
    """What is not done is not in the code."""
    for path in sources():
        text = path.read_text(encoding="utf-8")
        for word in ("TODO", "FIXME", "XXX", "HACK", "NotImplementedError"):
            assert word not in text, path


def test_every_ignored_complaint_carries_its_code() -> None:
    """A blanket exception would hide the next fault too."""
    for path in sources(*ROOTS, "tests"):
        if path == Path(__file__):
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            for mark, code in (("# type: ignore", "["), ("# noqa", ": ")):
                _, found, rest = line.partition(mark)
                assert not found or rest.startswith(code), f"{path}: {line}"
