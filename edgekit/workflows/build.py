"""Making artifacts in a staging folder, each from the one before it, and sealing them."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edgekit import publishing, storage
from edgekit.errors import DataError, EdgekitError, ToolError
from edgekit.exporters import EXPORTERS
from edgekit.quantizers import LayerCost
from edgekit.records import (
    Artifact,
    Calibration,
    Format,
    Precision,
    Recipe,
    Target,
)
from edgekit.wire import TensorSpec
from edgekit.workflows import routes
from edgekit.workflows.frameworks import framework
from edgekit.workflows.keys import Keys
from edgekit.workflows.lowering import Lowering
from edgekit.workflows.parity import can_measure, parity
from edgekit.workflows.sources import SampleSet, Source

GOLDEN = "golden.npz"
LABELS = "labels.txt"
TOKENIZER = "tokenizer.json"
# What goes with a network through all formats: names of files and their roles.
_EXTRA = {GOLDEN: "golden", LABELS: "labels", TOKENIZER: "tokenizer", storage.LEARNT: "learnt"}
# A file that is the same wherever it will run.
_ANY = Target("any", "any")
_Leg = tuple[Format, Precision]


class Builder:
    """Makes the artifacts of one export, each once; what one needs is made before it.

    Args:
        source: Where the float model comes from.
        target: Where the artifacts will run.
        keys: Cache keys and what decides them.
        staging: Folder to build in, inside the one that artifacts are published in.
        on_event: Told in a few words what goes on.
    """

    def __init__(
        self,
        source: Source,
        target: Target,
        keys: Keys,
        staging: Path,
        on_event: Callable[[str], None],
    ) -> None:
        self._source = source
        self._target = target
        self._keys = keys
        self._staging = staging
        self._on_event = on_event
        self._made: dict[_Leg, Artifact] = {}
        self._failed: dict[_Leg, EdgekitError] = {}
        self._lowering = Lowering(keys, staging, on_event)
        self._attempts = 0

    @property
    def root_failed(self) -> bool:
        """Whether the model itself could not be built, so that nothing can."""
        return (self._source.root, Precision.FP32) in self._failed

    def artifact(self, format: Format, precision: Precision) -> Artifact:
        """The artifact: the published one if it is what would be made, else made now.

        Raises:
            EdgekitError: It, or one that it is made from, could not be made, or is known not to
                be close to the float model.
        """
        leg = (format, precision)
        if leg in self._failed:
            raise self._failed[leg]
        if leg not in self._made:
            try:
                self._made[leg] = self._published(leg) or self._make(leg)
            except EdgekitError as error:
                self._failed[leg] = error
                raise
        return self._made[leg]

    def destination(self, format: Format, precision: Precision) -> Path:
        """Folder where an artifact is published."""
        return self._staging.parent / f"{format}-{precision}"

    def publish(self, format: Format, precision: Precision) -> Artifact:
        """Check a made artifact against the float model and move it to its destination.

        Raises:
            EdgekitError: It is not close enough, or can't be run or written.
        """
        leg = (format, precision)
        try:
            checked = self._checked(self._made[leg])
        except EdgekitError as error:
            self._failed[leg] = error
            raise
        destination = self.destination(format, precision)
        publishing.publish(checked.path, destination)
        self._made[leg] = replace(checked, path=destination)
        return self._made[leg]

    def _published(self, leg: _Leg) -> Artifact | None:
        path = self.destination(*leg)
        if not storage.is_artifact(path):
            return None
        try:
            found = storage.load(path)
        except DataError as error:
            self._on_event(f"making {path} again: {error}")
            return None
        if found.key != self._keys.key(*leg):
            return None
        unmeasured = found.parity is None or found.parity.passed is None
        return None if unmeasured and can_measure(found) else found

    def remake(self, leg: _Leg, recipe: Recipe) -> Artifact:
        """The artifact of `leg` by another recipe, beside the one that was made; not published."""
        self._attempts += 1
        return self._lowered(leg, recipe, f"-{self._attempts}")

    def rank(self, leg: _Leg) -> tuple[LayerCost, ...]:
        """What each layer of the float file that `leg` is made from costs in 8 bits."""
        parent = self.parent(leg)
        return self._lowering.rank(parent, self._lowering.recipe(parent, leg))

    def parent(self, leg: _Leg) -> Artifact:
        """The float artifact that `leg` is quantized from."""
        return self.artifact(routes.QUANTIZED_AS[leg], Precision.FP32)

    def held_out(self) -> SampleSet:
        """Samples that nothing is calibrated on."""
        return self._keys.held_out

    def replace(self, leg: _Leg, artifact: Artifact) -> None:
        """Take `artifact` for `leg` from here on."""
        self._made[leg] = artifact

    def _make(self, leg: _Leg) -> Artifact:
        if leg == (self._source.root, Precision.FP32):
            return self._root()
        self._on_event(f"making {leg[0]}-{leg[1]}")
        if leg[1] is Precision.FP32:
            return self._export(self.artifact(routes.SOURCE[leg[0]], Precision.FP32), leg)
        return self._lowered(leg, self._lowering.recipe(self.parent(leg), leg))

    def _lowered(self, leg: _Leg, recipe: Recipe, attempt: str = "") -> Artifact:
        """The artifact of `leg` by `recipe`, exported where its format takes quantized files."""
        parent = self.parent(leg)
        exported = parent.format is not leg[0]
        name = f"{parent.format}-for-{leg[0]}" if exported else leg[0]
        workdir = self._workdir(f"{name}-{leg[1]}{attempt}")
        files = self._lowering.lower(parent, recipe, workdir)
        calibration = self._lowering.calibration(parent, recipe)
        made_of = (parent.format, leg[1])
        made = self._seal(parent, workdir, files, made_of, parent.inputs, recipe, calibration)
        return self._export(made, leg, attempt) if exported else made

    def _export(self, parent: Artifact, leg: _Leg, attempt: str = "") -> Artifact:
        workdir = self._workdir(f"{leg[0]}-{leg[1]}{attempt}")
        with framework(f"{leg[0]} exporter", self._staging):
            done = EXPORTERS.get(leg[0]).export(parent, self._target, workdir)
        if done.note:
            self._on_event(f"{leg[0]}-{leg[1]}: {done.note}")
        return self._seal(parent, workdir, done.files, leg, done.inputs)

    def _root(self) -> Artifact:
        """The float model that everything is made from, with its golden sample."""
        self._on_event(self._source.action)
        leg = (self._source.root, Precision.FP32)
        workdir = self._workdir(f"{leg[0]}-{leg[1]}")
        with framework(self._source.tool, self._staging):
            root = self._source.build(workdir)
        for note in root.notes:
            self._on_event(note)
        arrays: dict[str, Any] = dict(root.golden)
        np.savez_compressed(workdir / GOLDEN, **arrays)
        if root.labels:
            (workdir / LABELS).write_text("\n".join(root.labels) + "\n", encoding="utf-8")
        made = Artifact(
            path=workdir,
            format=leg[0],
            precision=leg[1],
            spec=root.spec,
            inputs=root.inputs,
            preprocess=root.preprocess,
            recipe=None,
            calibration=None,
            files=(),
            sha256="",
            size_bytes=0,
            parent_sha256=root.parent_sha256,
            tools={},
            target=_ANY,
            key="",
            tokens=root.tokens,
        )
        return self._sealed(made, root.files, leg)

    def _seal(
        self,
        parent: Artifact,
        workdir: Path,
        files: Mapping[str, str],
        leg: _Leg,
        inputs: tuple[TensorSpec, ...],
        recipe: Recipe | None = None,
        calibration: Calibration | None = None,
    ) -> Artifact:
        """The artifact in `workdir`, made from `parent`, with its golden sample and the like."""
        for role in _EXTRA.values():
            if (path := parent.file(role)) is not None:
                shutil.copyfile(path, workdir / path.name)
        made = replace(
            parent,
            path=workdir,
            format=leg[0],
            precision=leg[1],
            inputs=inputs,
            recipe=recipe or parent.recipe,
            calibration=calibration or parent.calibration,
            parent_sha256=parent.sha256,
            parity=None,
        )
        return self._sealed(made, files, leg)

    def _sealed(self, made: Artifact, files: Mapping[str, str], leg: _Leg) -> Artifact:
        roles = {**files, **{n: role for n, role in _EXTRA.items() if (made.path / n).is_file()}}
        entries = tuple(storage.describe(made.path, name, role) for name, role in roles.items())
        aimed = made.recipe is not None or leg[0] is Format.TENSORRT
        return replace(
            made,
            target=self._target if aimed else _ANY,
            files=entries,
            sha256=storage.model_sha256(entries),
            size_bytes=storage.model_size_bytes(entries),
            tools=self._keys.tools(*leg),
            key=self._keys.key(*leg),
        )

    def _checked(self, made: Artifact) -> Artifact:
        """`made` with its parity, written down.

        Raises:
            ToolError: It is not close enough to the float model.
        """
        found = parity(made)
        if any(not close.finite for close in found.batches.values()):
            self._lowering.name_overflow(made)
        if found.passed is False:
            raise ToolError(
                f"{made.format}-{made.precision} is not close to the float model: {found.reason}",
                hint="give samples like those that the model will see with --calib"
                if made.precision is Precision.INT8
                else "use another format or precision for this model, and report it to edgekit",
            )
        made = replace(made, parity=found)
        with publishing.disk_errors(self._staging):
            storage.write_record(made)
        return made

    def _workdir(self, name: str) -> Path:
        with publishing.disk_errors(self._staging):
            path = self._staging / name
            path.mkdir()
        return path
