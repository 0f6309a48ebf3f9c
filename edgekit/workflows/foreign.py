"""A float model file that edgekit did not make: checked, and brought into a shape to work on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgekit import storage
from edgekit.errors import DataError, UsageError
from edgekit.graphs import GRAPHS
from edgekit.importers import IMPORTERS, Facts
from edgekit.measure.environment import usable_cores
from edgekit.records import (
    FileRequest,
    Format,
    ModelSpec,
    Preprocess,
    Subject,
    Weights,
)
from edgekit.wire import TensorSpec
from edgekit.workflows import preprocessing
from edgekit.workflows.calibrate import golden_arrays
from edgekit.workflows.infer import infer_file
from edgekit.workflows.photosource import PhotoSource
from edgekit.workflows.sources import Root

_LABELS = "labels.txt"
_ROW_AXES = 2
_HALF = {"float16", "bfloat16"}
_NARROW = {"int8", "uint8", "int4", "uint4", "int2", "uint2"}
_SUPPORTED = (
    "one float32 image, (N, 3, H, W) or (N, H, W, 3), is what photos can be calibrated and "
    "checked on"
)


class FileSource(PhotoSource):
    """Takes the file that a request names.

    Args:
        request: The request.
        folder: Where its artifacts will be published.
    """

    def __init__(self, request: FileRequest, folder: Path) -> None:
        self._request = request
        self._folder = folder
        self.seed = request.seed
        self.action = f"reading {request.path}"

    @property
    def root(self) -> Format:
        """Format of the file, by its suffix."""
        return storage.FOREIGN[self._request.path.suffix]

    @property
    def tool(self) -> str:
        """What reads it."""
        return f"{self.root} importer"

    @property
    def extra(self) -> str:
        """The extra that brings what reads it."""
        return IMPORTERS.entry(self.root).extra

    def check(self) -> None:
        """Refuse a file that is none, broken, quantized, or takes something else; or its names."""
        _check_path(self._request, self._folder)
        _ = self._subject, self._preprocess, self._labels

    @cached_property
    def _subject(self) -> Subject:
        return storage.subject(self._request.path)

    @cached_property
    def _facts(self) -> Facts:
        path = self._request.path
        GRAPHS.get(path.suffix).read(path)  # says whether the file is whole
        found = IMPORTERS.get(self.root).facts(path)
        _check_inputs(path, found)
        _check_types(path, found)
        return found

    @cached_property
    def _preprocess(self) -> Preprocess:
        given = self._facts.inputs[0]
        height, width = given.shape[1:3] if given.layout == "NHWC" else given.shape[2:4]
        path, word = self._request.path, self._request.preprocess
        return preprocessing.find(word, path, self._facts.preprocess, (height, width))

    @cached_property
    def _labels(self) -> tuple[str, ...]:
        """Names of the classes, if they lie beside the file."""
        path = self._request.path.with_name(_LABELS)
        try:
            return tuple(path.read_text(encoding="utf-8").splitlines()) if path.is_file() else ()
        except UnicodeDecodeError as error:
            raise DataError(
                f"{path} is no text in UTF-8: byte {error.start}",
                hint=f"convert it: iconv -f latin1 -t utf-8 {path}; or take it away",
            ) from error

    @cached_property
    def _learnt(self) -> tuple[str, ...]:
        """What its weights learnt from, if it is an artifact's file: that lies beside it then."""
        path = self._request.path.with_name(storage.LEARNT)
        return tuple(path.read_text("ascii", "ignore").split()) if path.is_file() else ()

    @cached_property
    def _input(self) -> TensorSpec:
        """The file's input, its image in the size that photos are brought to."""
        given, size = self._facts.inputs[0], self._preprocess.size
        image = (*size, 3) if given.layout == "NHWC" else (3, *size)
        return replace(given, shape=(given.shape[0], *image))

    def key(self) -> Mapping[str, object]:
        """Digests of the file and of what belongs to it; its path doesn't count, its name does."""
        return {
            "family": "file",
            "name": self._request.name,
            "file": self._request.path.name,
            "sha256": self._subject.sha256,
            "preprocess": self._preprocess,
            "labels": self._labels,
            "learnt": self._learnt,
            "seed": self._request.seed,
        }

    def build(self, workdir: Path) -> Root:
        """Bring the file into `workdir`; the file as it was given says what is right."""
        storage.write_learnt(workdir, self._learnt)
        importer = IMPORTERS.get(self.root)
        done = importer.bring(self._request.path, self._preprocess, workdir)
        images = self.golden().tensors(self._preprocess).stack()
        outputs = infer_file(
            self._request.path,
            self._input,
            images,
            runtime=importer.reference,
            batch=self._input.shape[0] or 1,
            threads=usable_cores(),
            size_is_free=None in self._facts.inputs[0].shape[1:],
        )
        spec = self._spec(outputs)
        return Root(
            spec=spec,
            inputs=(self._input,),
            preprocess=self._preprocess,
            labels=self._labels if len(self._labels) == spec.classes else (),
            files=done.files,
            golden=golden_arrays(spec.inputs[0].name, images, (outputs,)),
            notes=(*done.notes, *_notes(self._facts)),
            parent_sha256=self._subject.sha256,
        )

    def _spec(self, outputs: npt.NDArray[np.float32]) -> ModelSpec:
        is_row = outputs.ndim == _ROW_AXES
        name, batch = self._request.path.name, self._input.shape[0]
        image = (batch, 3, *self._preprocess.size)
        return ModelSpec(
            name=self._request.name,
            family="file",
            backbone=name,
            head="classify" if is_row else "tensor",
            classes=outputs.shape[-1] if is_row else 0,
            inputs=(TensorSpec(self._input.name, image, "float32", "NCHW"),),
            outputs=self._facts.outputs,
            weights=Weights(f"file:{name}", self._subject.sha256),
            seed=self._request.seed,
            parameters=self._facts.parameters,
            batch=batch or 1,
        )


def _check_path(request: FileRequest, folder: Path) -> None:
    path, name = request.path, request.name
    suffixes = [suffix for suffix, made in storage.FOREIGN.items() if made in IMPORTERS.names()]
    if path.is_dir() or (path.is_file() and path.suffix not in suffixes):
        raise UsageError(
            f"{path} is no {' or '.join(suffixes)} file",
            hint=f"name the float model file itself, such as {path / 'model.onnx'}"
            if path.is_dir()
            else "quantize the file that it was converted from",
        )
    if not name or name.startswith("."):
        raise UsageError(f"{name!r} is no name for a model", hint="give another with --name NAME")
    if path.resolve().is_relative_to(folder.resolve()):
        raise UsageError(
            f"{path} lies in {folder}, where its own artifacts would take its place",
            hint=f"give another name, such as --name {name}-int8, or another folder with --out",
        )


def _check_inputs(path: Path, facts: Facts) -> None:
    shown = "; ".join(f"{i.name}: {i.dtype} {_axes(i)}" for i in facts.inputs)
    fits = len(facts.inputs) == 1 and facts.inputs[0].layout and facts.inputs[0].dtype == "float32"
    # A file that is quantized to its very ends is refused for that, with better words.
    if fits or facts.inner_types & _NARROW:
        return
    raise UsageError(
        f"{path.name} takes {shown or 'nothing'}; {_SUPPORTED}",
        hint="export the network again with that one input, its batch axis first and what else it "
        "takes as constants inside",
    )


def _axes(spec: TensorSpec) -> str:
    return "x".join("?" if size is None else str(size) for size in spec.shape) or "without axes"


def _check_types(path: Path, facts: Facts) -> None:
    """Refuse a file whose values are not float32 throughout, and whose result isn't."""
    if narrow := sorted(facts.inner_types & _NARROW):
        raise UsageError(
            f"{path.name} is quantized already: it holds {', '.join(narrow)} tensors",
            hint="quantize the float32 file that it was made from; "
            f"`edgekit inspect {path}` shows what is in it",
        )
    if half := sorted(facts.inner_types & _HALF):
        raise UsageError(
            f"{path.name} is a {half[0]} file: half of each weight's digits are gone already",
            hint="quantize the float32 file that it was made from",
        )
    if facts.outputs and facts.outputs[0].dtype != "float32":
        raise UsageError(
            f"{path.name} gives {facts.outputs[0].dtype}: closeness is measured in float32",
            hint="export the network again without what picks the best class at its end",
        )


def _notes(facts: Facts) -> tuple[str, ...]:
    count = len(facts.outputs)
    first = facts.outputs[0].name if facts.outputs else ""
    return (f"of its {count} outputs the first, {first!r}, is checked",) * (count > 1)
