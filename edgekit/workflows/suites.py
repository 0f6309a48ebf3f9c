"""From a suite's file to what a sweep makes, and where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edgekit import storage
from edgekit.errors import DataError, UsageError
from edgekit.quantization.target import target as find_target
from edgekit.records import Format, Precision, TextRequest
from edgekit.records.suite import Suite, SuiteModel, SuiteTarget
from edgekit.records.sweep import Cell
from edgekit.runtimes import RUNTIMES
from edgekit.wire import Failure
from edgekit.workflows import machines, requests, routes
from edgekit.workflows.export import ExportPlan
from edgekit.workflows.int8 import Int8Plan, read_recipe

_MOST_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Build:
    """Files that one export makes.

    Attributes:
        plan: The export.
        cells: Its files.
    """

    plan: ExportPlan
    cells: tuple[Cell, ...]

    @property
    def name(self) -> str:
        """What tells it from the others."""
        return self.cells[0].name


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """What a sweep does.

    Attributes:
        suite: What was asked for, paths as they are from here.
        out: Folder that artifacts are published in, those of each target in one of its own.
        builds: What makes the files.
        cells: All files that were asked for, also those that can't be had.
        impossible: Why, for those.
    """

    suite: Suite
    out: Path
    builds: tuple[Build, ...]
    cells: tuple[Cell, ...]
    impossible: dict[Cell, Failure]

    @property
    def devices(self) -> tuple[str, ...]:
        """Names of the devices that are measured on, each once."""
        return tuple(dict.fromkeys(name for each in self.suite.targets for name in each.devices))


def read(path: Path) -> Suite:
    """The suite in the TOML file `path`; paths in it are relative to its folder.

    Raises:
        DataError: It can't be read, is no TOML, or has a key or a value that means nothing.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise storage.unreadable(path, error) from error
    if len(content) > _MOST_BYTES:
        raise DataError(f"{path} has {len(content)} bytes", hint="a suite is a short TOML file")
    try:
        suite = msgspec.toml.decode(content, type=Suite)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise DataError(
            f"{path} is no suite: {error}",
            hint="`edgekit sweep --help` shows a whole one; a key that means nothing is refused",
        ) from error
    return _placed(suite, path.absolute().parent)


def plan(suite: Suite, out: Path) -> SweepPlan:
    """What `suite` asks for.

    Raises:
        UsageError: It names something twice, or a target, device or runtime that there isn't.
        DataError: Its recipe can't be read.
    """
    _check(suite)
    found = dict(_cells(suite))
    return SweepPlan(
        suite=suite,
        out=out,
        # In full: who builds may be in another folder.
        builds=tuple(_builds(suite, out.absolute())),
        cells=tuple(found),
        impossible={
            cell: why for cell, model in found.items() if (why := _impossible(model, cell))
        },
    )


def _cells(suite: Suite) -> Iterator[tuple[Cell, SuiteModel]]:
    for target in suite.targets:
        for model in suite.models:
            for format in suite.formats:
                for precision in suite.precisions:
                    cell = Cell(requests.title(model), target.name, format, precision)
                    yield cell, model


def _impossible(model: SuiteModel, cell: Cell) -> Failure | None:
    try:
        requests.check(model, cell.format)
        routes.check(cell.format, cell.precision)
    except UsageError as error:
        return Failure.of("plan", error)
    return None


def _builds(suite: Suite, out: Path) -> Iterator[Build]:
    """One a model and target, so that the model is traced once; formats differ in precisions."""
    for target in suite.targets:
        for model in suite.models:
            request = requests.request(model)
            for precisions, formats in _groups(suite, model).items():
                yield Build(
                    ExportPlan(
                        request=request,
                        formats=tuple(formats),
                        precisions=precisions,
                        target=find_target(target.name),
                        out=out / target.name,
                        int8=_int8(suite, text=isinstance(request, TextRequest)),
                    ),
                    tuple(
                        Cell(requests.title(model), target.name, format, precision)
                        for format in formats
                        for precision in precisions
                    ),
                )


def _groups(suite: Suite, model: SuiteModel) -> dict[tuple[Precision, ...], list[Format]]:
    groups: dict[tuple[Precision, ...], list[Format]] = {}
    for format in suite.formats:
        there = routes.PRECISIONS[format] if requests.can_be(model, format) else ()
        if possible := tuple(each for each in suite.precisions if each in there):
            groups.setdefault(possible, []).append(format)
    return groups


def _int8(suite: Suite, *, text: bool) -> Int8Plan:
    given = suite.int8
    samples = given.texts if text else given.calib
    return Int8Plan(
        Path(samples) if samples else None,
        given.allow_few,
        *read_recipe(given.recipe),
        given.max_drop,
        Path(given.data) if given.data else None,
        given.keep,
        given.cut,
    )


def _check(suite: Suite) -> None:
    for what, names in (
        ("model", [requests.title(model) for model in suite.models]),
        ("target", [target.name for target in suite.targets]),
        ("format", [format.value for format in suite.formats]),
        ("precision", [precision.value for precision in suite.precisions]),
    ):
        _once(what, names)
    for target in suite.targets:
        find_target(target.name)
        for name in target.devices:
            machines.one(name)
        _once(f"device of {target.name}", target.devices)
    for name in suite.bench.runtimes:
        RUNTIMES.entry(name)


def _once(what: str, names: Sequence[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(
            f"the suite names the {what} {twice!r} twice",
            hint="name it once: its files would lie in one place",
        )


def _placed(suite: Suite, folder: Path) -> Suite:
    """`suite` with the paths in it as they are from anywhere."""

    def absolute(name: str | None) -> str | None:
        return None if name is None else str(folder / name)

    int8, judged = suite.int8, suite.evaluate
    recipe = folder / int8.recipe
    return msgspec.structs.replace(
        suite,
        models=tuple(requests.placed(model, folder) for model in suite.models),
        int8=msgspec.structs.replace(
            int8,
            calib=absolute(int8.calib),
            texts=absolute(int8.texts),
            data=absolute(int8.data),
            # A scheme's name, unless there is such a file.
            recipe=str(recipe) if int8.recipe and recipe.exists() else int8.recipe,
        ),
        evaluate=judged
        and msgspec.structs.replace(
            judged, data=str(folder / judged.data), pairs=absolute(judged.pairs)
        ),
    )


def of_target(suite: Suite, cell: Cell) -> SuiteTarget:
    """What `suite` says of the target of `cell`."""
    return next(target for target in suite.targets if target.name == cell.target)
