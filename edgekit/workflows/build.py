"""Making artifacts in a staging folder, each from the one before it, and sealing them."""

import contextlib
import errno
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgekit import publishing, storage
from edgekit.errors import DataError, EdgekitError, ToolError
from edgekit.exporters import EXPORTERS
from edgekit.models import assemble
from edgekit.quantizers import QUANTIZERS
from edgekit.records import (
    Artifact,
    Calibration,
    Format,
    ModelRequest,
    Precision,
    Recipe,
    Target,
)
from edgekit.wire import TensorSpec
from edgekit.workflows import quiet, routes
from edgekit.workflows.calibrate import Feeds, write_golden
from edgekit.workflows.keys import Keys
from edgekit.workflows.parity import can_measure, parity

GOLDEN = "golden.npz"
LABELS = "labels.txt"
# A file that is the same wherever it will run.
_ANY = Target("any", "any")
_Leg = tuple[Format, Precision]


class Builder:
    """Makes the artifacts of one export, each once; what one needs is made before it.

    Args:
        request: The model.
        target: Where the artifacts will run.
        keys: Cache keys and what decides them.
        staging: Folder to build in, inside the one that artifacts are published in.
        on_event: Told in a few words what goes on.
    """

    def __init__(
        self,
        request: ModelRequest,
        target: Target,
        keys: Keys,
        staging: Path,
        on_event: Callable[[str], None],
    ) -> None:
        self._request = request
        self._target = target
        self._keys = keys
        self._staging = staging
        self._on_event = on_event
        self._made: dict[_Leg, Artifact] = {}
        self._failed: dict[_Leg, EdgekitError] = {}

    @property
    def root_failed(self) -> bool:
        """Whether the model itself could not be built, so that nothing can."""
        return (Format.TORCH, Precision.FP32) in self._failed

    def artifact(self, format: Format, precision: Precision) -> Artifact:
        """The artifact: the published one if it is what would be made, else made now.

        Raises:
            EdgekitError: It, or one that it is made from, could not be made, or is known not to
                be close to the torch model.
        """
        leg = (format, precision)
        if leg in self._failed:
            raise self._failed[leg]
        if leg not in self._made:
            try:
                self._made[leg] = self._published(leg) or self._make(*leg)
            except EdgekitError as error:
                self._failed[leg] = error
                raise
        return self._made[leg]

    def destination(self, format: Format, precision: Precision) -> Path:
        """Folder where an artifact is published."""
        return self._staging.parent / f"{format}-{precision}"

    def publish(self, format: Format, precision: Precision) -> Artifact:
        """Check a made artifact against the torch model and move it to its destination.

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

    def _make(self, format: Format, precision: Precision) -> Artifact:
        if format is Format.TORCH:
            return self._root()
        parent = self._parent(format, precision)
        self._on_event(f"making {format}-{precision}")
        workdir = self._workdir(f"{format}-{precision}")
        if precision is Precision.FP32 or format is Format.TENSORRT:
            with self._framework(f"{format} exporter"):
                done = EXPORTERS.get(format).export(parent, self._target, workdir)
            if done.note:
                self._on_event(f"{format}-{precision}: {done.note}")
            return self._seal(parent, workdir, done.files, (format, precision), done.inputs)
        return self._quantize(parent, (format, precision), workdir)

    def _parent(self, format: Format, precision: Precision) -> Artifact:
        if precision is Precision.FP32:
            return self.artifact(routes.SOURCE[format], precision)
        if format is not Format.TENSORRT:
            return self.artifact(format, Precision.FP32)
        source = routes.SOURCE[format]
        plain = self.artifact(source, Precision.FP32)
        return self._quantize(
            plain, (format, precision), self._workdir(f"{source}-for-{precision}")
        )

    def _quantize(self, parent: Artifact, leg: _Leg, workdir: Path) -> Artifact:
        """`parent` in the precision of `leg`, by its recipe; in the format that it has."""
        recipe = self._keys.recipe(*leg)
        if recipe is None:
            raise ToolError(f"{leg[0]}-{leg[1]} has no recipe", hint="report this to edgekit")
        calibration = None
        feeds: Sequence[Mapping[str, Any]] = ()
        if recipe.range_method != "none":
            photos = self._keys.calibration
            self._on_event(f"calibrating on {photos.words()}")
            calibration = photos.record(parent.preprocess)
            feeds = Feeds(photos.tensors(parent.preprocess), parent.inputs[0])
        with self._framework(f"{leg[0]} quantizer"):
            quantizer = QUANTIZERS.get(routes.QUANTIZER[leg[0]])
            files = quantizer.quantize(parent, recipe, feeds, workdir)
        made_of = (parent.format, leg[1])
        return self._seal(parent, workdir, files, made_of, parent.inputs, recipe, calibration)

    def _root(self) -> Artifact:
        """The traced torch model with its golden sample."""
        self._on_event(f"building {self._request.name}")
        workdir = self._workdir("torch-fp32")
        with self._framework("torch"):
            source = assemble.load(self._request, workdir)
            photos = self._keys.golden.tensors(source.preprocess).stack()
            outputs = assemble.reference(workdir / source.files[0], photos)
        write_golden(workdir / GOLDEN, source.spec.inputs[0].name, photos, outputs)
        if source.labels:
            (workdir / LABELS).write_text("\n".join(source.labels) + "\n", encoding="utf-8")
        leg = (Format.TORCH, Precision.FP32)
        made = Artifact(
            path=workdir,
            format=leg[0],
            precision=leg[1],
            spec=replace(source.spec, batch=self._request.batch),
            inputs=source.spec.inputs,
            preprocess=source.preprocess,
            recipe=None,
            calibration=None,
            files=(),
            sha256="",
            size_bytes=0,
            parent_sha256=None,
            tools={},
            target=_ANY,
            key="",
        )
        return self._sealed(made, dict.fromkeys(source.files, "model"), leg)

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
        """The artifact in `workdir`, made from `parent`, with its golden sample and labels."""
        for role in ("golden", "labels"):
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
        extra = {GOLDEN: "golden", LABELS: "labels"}
        roles = {**files, **{n: role for n, role in extra.items() if (made.path / n).is_file()}}
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
            ToolError: It is not close enough to the torch model.
        """
        found = parity(made)
        if found.passed is False:
            raise ToolError(
                f"{made.format}-{made.precision} is not close to the torch model: {found.reason}",
                hint="give photos like those that the model will see with --calib"
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

    @contextlib.contextmanager
    def _framework(self, what: str) -> Iterator[None]:
        """Turn whatever a framework raises into an error that says which one and what to do."""
        log = self._staging / "framework.log"
        try:
            with quiet.captured(log):
                yield
        except EdgekitError:
            raise
        except Exception as error:
            full = isinstance(error, OSError) and error.errno == errno.ENOSPC
            if full or publishing.is_disk_full(self._staging):
                raise publishing.disk_full(self._staging) from error
            text = str(error).strip().splitlines()
            raise ToolError(
                f"{what} failed: {type(error).__name__}: {text[0] if text else 'no message'}",
                hint="try another format, or `edgekit doctor` to see the installed versions",
                stderr_tail=quiet.tail(log),
            ) from error
