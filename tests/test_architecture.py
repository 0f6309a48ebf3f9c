"""The house's rules that no linter knows, checked on the source itself."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edgekit.registry import Registry
from tests import source
from tests.source import FILES, PACKAGE, ROOT

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 40
NAMES_THAT_SAY_NOTHING = {
    "util",
    "utils",
    "helper",
    "helpers",
    "common",
    "base",
    "core",
    "manager",
    "misc",
}
# What a device gets: the rest of the package never goes there.
DEVICE = [
    PACKAGE / "__init__.py",
    PACKAGE / "engine.py",
    PACKAGE / "errors.py",
    PACKAGE / "pixels.py",
    PACKAGE / "registry.py",
    PACKAGE / "trtexec.py",
    *sorted((PACKAGE / "measure").glob("*.py")),
    *sorted((PACKAGE / "runtimes").glob("*.py")),
    *sorted((PACKAGE / "tasks").glob("*.py")),
    *sorted((PACKAGE / "wire").glob("*.py")),
]
# What takes it there, on whatever Python a board came with.
AGENT = sorted((PACKAGE / "transports" / "agent").glob("*.py"))
FRAMEWORKS = set(
    source.settings()["ruff"]["lint"]["flake8-tidy-imports"]["banned-module-level-imports"]
)


def registries() -> list[Registry[Any]]:
    """The tables of all doors."""
    doors = [
        importlib.import_module(f"edgekit.{path.parent.name}")
        for path in PACKAGE.glob("*/__init__.py")
    ]
    found = [
        value for door in doors for value in vars(door).values() if isinstance(value, Registry)
    ]
    return list({id(registry): registry for registry in found}.values())


TARGETS = [registry.entry(name).target for registry in registries() for name in registry.names()]


def in_a_new_process(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_import_contracts():
    program = (
        "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    )
    in_a_new_process(program)


MODULES = "import sys; print(' '.join(sorted(sys.modules)))"
HELP = f"""
import contextlib, io, sys
sys.argv = ["edgekit", "--help"]
from edgekit.__main__ import main
with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):
    main()
assert "Usage" in said.getvalue()
{MODULES}
"""


def test_help_imports_no_framework():
    loaded = set(in_a_new_process(HELP).split())
    heavy = (FRAMEWORKS - {"rich"}) | {"numpy", "msgspec", "PIL", "edgekit.records"}
    assert loaded & heavy == set()


def test_the_worker_imports_are_light():
    loaded = set(in_a_new_process(f"import edgekit.measure.worker; {MODULES}").split())
    heavy = FRAMEWORKS | {"msgspec", "typer", "rich", "PIL", "edgekit.records", "edgekit.storage"}
    assert loaded & heavy == set()


@pytest.mark.parametrize("path", DEVICE, ids=relative)
def test_the_device_side_parses_as_python_3_8(path):
    ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=(3, 8))


@pytest.mark.parametrize("path", AGENT, ids=relative)
def test_the_agent_parses_as_python_3_6(path):
    ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=(3, 6))


@pytest.mark.parametrize(("target", "paths"), [("3.8-", DEVICE), ("3.6-", AGENT)])
def test_the_device_side_uses_nothing_newer_than_its_python(target, paths):
    # vermin knows when each function and module of the standard library came.
    command = [
        str(Path(sys.executable).with_name("vermin")),
        f"--target={target}",
        "--no-tips",
        "--violations",
        *map(str, paths),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_agent_needs_the_standard_library_alone():
    found = set().union(*(source.imports(path) for path in AGENT))
    ours = {name for name in found if name.startswith("edgekit.")}
    assert {name for name in ours if not name.startswith("edgekit.transports.agent.")} <= {
        "edgekit.transports.agent"
    }
    assert {name.split(".")[0] for name in found - ours} <= sys.stdlib_module_names


def test_frameworks_are_imported_only_behind_the_registry():
    """A module that brings a framework with it is in a folder with a door, and not the door."""
    imports = {source.module(path): source.imports(path) for path in FILES}
    heavy = {"edgekit.reports.table"}  # rich, the one that draws
    heavy |= {
        name
        for name, found in imports.items()
        if {item.split(".")[0] for item in found} & FRAMEWORKS
    }
    while True:
        more = {name for name, found in imports.items() if found & heavy} - heavy
        if not more:
            break
        heavy |= more
    behind = {target.partition(":")[0].rpartition(".")[0] for target in TARGETS} | {
        "edgekit.reports",
        "edgekit.reports.gate",
    }
    assert {name for name in heavy if name.rpartition(".")[0] not in behind} == set()


@pytest.mark.parametrize("target", sorted(set(TARGETS)))
def test_every_entry_of_a_registry_is_there(target):
    name, _, attribute = target.partition(":")
    path = ROOT.joinpath(*name.split(".")).with_suffix(".py")
    assert path.is_file()
    assert attribute in source.names(path)


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_file_budget(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_FILE_LINES


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_function_budget(path):
    assert {
        name: lines for name, lines in source.functions(path) if lines > MAX_FUNCTION_LINES
    } == {}


def test_the_budget_of_the_whole():
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in FILES)
    assert lines <= source.settings()["edgekit"]["max-lines"]


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_names_say_something(path):
    assert NAMES_THAT_SAY_NOTHING.isdisjoint(path.relative_to(ROOT).with_suffix("").parts)


def _order(name: str) -> tuple[int, str]:
    # Constants, classes, functions, as ruff sorts them.
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_all_is_true_and_sorted(path):
    for node in source.tree(path).body:
        if isinstance(node, ast.Assign) and "__all__" in {
            getattr(t, "id", "") for t in node.targets
        }:
            exported = ast.literal_eval(node.value)
            assert exported == sorted(exported, key=_order)
            assert set(exported) <= source.names(path)


def test_no_text_tells_to_install_somebody_elses_package():
    """`edgekit` on PyPI is unrelated; ours is edgekit-ml."""
    command = re.compile(
        r"\b(?:pip3?|pipx|uv)\s[^\n`&;|]*?(?:install|add)\s[^\n`&;|]*?(?<![\w./-])edgekit(?![\w/-]|\.\w)"
    )
    theirs = "edge" + "kit"  # not in one word, or this file would be found
    assert command.search(f"python -m pip install -U {theirs}")
    assert command.search(f"pip install '{theirs}[all]'")
    assert command.search(f"uv add {theirs}")
    assert not command.search("pip install 'edgekit-ml[all]' && edgekit doctor")
    assert not command.search("pip install -r /home/me/edgekit/requirements.txt")
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    tracked = [ROOT / name for name in listed.stdout.split("\0") if name]
    texts = {
        path: path.read_bytes().decode(errors="replace") for path in tracked if path.is_file()
    }
    assert [relative(path) for path, text in texts.items() if command.search(text)] == []
