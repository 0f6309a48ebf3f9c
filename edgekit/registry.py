"""Finding adapters by name, without importing them.

Each kind's door holds one table of lazy `"module:OBJECT"` names. An adapter's module imports its
framework at the top; it is imported here, and only here, the first time that it is asked for.
Third parties add to a table through the entry point group `edgekit.<kinds>`: `edgekit.runtimes`,
`edgekit.model_families`. What a table has itself, they can't replace.
"""

from __future__ import annotations

import contextlib
import difflib
import functools
import importlib
import importlib.util
import re
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Dict, Generic, List, Mapping, Tuple, TypeVar

from edgekit.errors import MissingDependency, UsageError

T = TypeVar("T")

DISTRIBUTION = "edgekit-ml"


@dataclass(frozen=True)
class Entry:
    """Where an adapter is and what it needs.

    Attributes:
        target: `"module:OBJECT"`.
        extra: The extra of `edgekit-ml` that brings its packages; empty if it needs none.
        modules: Import names that must be installed for it to work. A tuple inside stands for
            alternatives: one of them is enough.
    """

    target: str
    extra: str = ""
    modules: Tuple[Any, ...] = ()


def install_command(extra: str) -> str:
    """The command that installs what `extra` names. edgekit prints it and never runs it."""
    return f"pip install '{DISTRIBUTION}[{extra}]'"


def versions(*extras: str) -> Dict[str, str]:
    """Versions of the installed distributions that `extras` bring, and edgekit's own."""
    found = {DISTRIBUTION: metadata.version(DISTRIBUTION)}
    for requirement in metadata.requires(DISTRIBUTION) or []:
        name, _, marker = requirement.partition(";")
        if any(re.search(f"extra == ['\"]{extra}['\"]", marker) for extra in extras):
            distribution = re.split(r"[^A-Za-z0-9._-]", name.strip(), maxsplit=1)[0]
            with contextlib.suppress(metadata.PackageNotFoundError):
                found[distribution] = metadata.version(distribution)
    return found


def nearest(name: str, known: List[str]) -> str:
    """A hint that names the known names nearest to `name`, or all of them if none is near."""
    close = difflib.get_close_matches(name, known, n=5, cutoff=0.6)
    return f"did you mean {' or '.join(close)}?" if close else f"one of: {', '.join(known)}"


def is_installed(module: str) -> bool:
    """Whether `module` can be found; its top-level package is not imported."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ModuleNotFoundError, ValueError):
        return False


class Registry(Generic[T]):
    """A table of adapters of one kind.

    Args:
        kind: What the adapters are, in the singular (`"runtime"`); used in messages, and its
            plural in the entry point group.
        table: Name to entry.
    """

    def __init__(self, kind: str, table: Mapping[str, Entry]) -> None:
        self.kind = kind
        self._table = dict(table)
        self._loaded: Dict[str, T] = {}
        self._is_complete = False

    def names(self) -> List[str]:
        """All known names: the table's in its order, then those of third parties."""
        self._complete()
        return list(self._table)

    def _complete(self) -> None:
        # On demand: what is installed is looked through only where a list of all is wanted, or a
        # name that the table doesn't have.
        if self._is_complete:
            return
        for name, entry in _third_party(self.kind).items():
            self._table.setdefault(name, entry)
        self._is_complete = True

    def entry(self, name: str) -> Entry:
        """The entry of `name`.

        Raises:
            UsageError: No adapter has that name.
        """
        if name not in self._table:
            self._complete()
        try:
            return self._table[name]
        except KeyError:
            message = f"there is no {self.kind} named {name!r}"
            raise UsageError(message, hint=nearest(name, self.names())) from None

    def missing(self, name: str) -> List[str]:
        """The modules that `name` needs and that are not installed."""
        absent = []
        for need in self.entry(name).modules:
            choices = need if isinstance(need, tuple) else (need,)
            if not any(is_installed(module) for module in choices):
                absent.append(" or ".join(choices))
        return absent

    def get(self, name: str) -> T:
        """The adapter named `name`, imported now if it wasn't before.

        Raises:
            UsageError: No adapter has that name.
            MissingDependency: A package that it needs is not installed.
        """
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def _load(self, name: str) -> T:
        entry = self.entry(name)
        module, _, attribute = entry.target.partition(":")
        try:
            loaded: T = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            message = f"the {self.kind} {name!r} needs the module {error.name!r}"
            hint = f"{install_command(entry.extra)}" if entry.extra else f"install {error.name}"
            raise MissingDependency(message, hint=hint) from error
        return loaded


@functools.lru_cache(maxsize=None)  # Python 3.8 has no functools.cache
def _entry_points() -> Any:
    return metadata.entry_points()


def _third_party(kind: str) -> Dict[str, Entry]:
    words = kind.replace(" ", "_")
    group = f"edgekit.{words[:-1]}ies" if words.endswith("y") else f"edgekit.{words}s"
    found = _entry_points()
    # Python 3.8 and 3.9 give a dict here, later ones an object with select().
    points = found.select(group=group) if hasattr(found, "select") else found.get(group, [])
    return {point.name: Entry(point.value) for point in points}
