"""What is fed: stored samples in the session's own names and layout, or made-up numbers."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from edgekit.errors import DataError, UsageError
from edgekit.measure.rows import fitting, resized
from edgekit.runtimes.specs import COLOURS, IMAGE_AXES
from edgekit.wire import Job, TensorSpec

Feed = Dict[str, Any]

DISTINCT = 8
IMAGE_SIZE = 224
BYTE_VALUES = 128


class ShapeChooser:
    """Says the shape of each input: what the job gives, else a sensible size, noted.

    Attributes:
        defaulted: By input name: indices of free axes that nobody gave a size.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self.defaulted: Dict[str, List[int]] = {}

    def __call__(self, spec: TensorSpec) -> Tuple[int, ...]:
        """The shape to use for `spec`.

        Raises:
            UsageError: The job gives a shape that `spec` can't have.
        """
        if spec.name in self._job.shapes:
            return _checked(spec, self._job.shapes[spec.name])
        shape = list(spec.shape)
        asked = self._job.batch
        # A single number a side input holds, such as a threshold, is no batch of one.
        grows = shape[:1] == [1] and len(shape) > 1 and asked is not None
        if shape and (shape[0] is None or grows):
            shape[0] = asked or 1
        free = [axis for axis, size in enumerate(shape) if size is None]
        if free:
            self.defaulted[spec.name] = free
        usual = _usual_shape(shape, self._job.layouts.get(spec.name, spec.layout))
        return tuple(usual[axis] if size is None else size for axis, size in enumerate(shape))


def _checked(spec: TensorSpec, given: Sequence[int]) -> Tuple[int, ...]:
    fits = len(given) == len(spec.shape) and all(
        size in (None, asked) for size, asked in zip(spec.shape, given)
    )
    # A batch of one is asked to grow: whether it can is the runtime's to say.
    if not fits and list(spec.shape[:1]) == [1] and len(given) == len(spec.shape):
        fits = all(size in (None, asked) for size, asked in zip(spec.shape[1:], given[1:]))
    if not fits:
        raise UsageError(
            f"input {spec.name!r} has the shape {axes(spec.shape)}, not {axes(given)}",
            hint="give a size for the axes marked `?` and leave the others as they are",
        )
    return tuple(given)


def _usual_shape(shape: Sequence[Any], layout: str) -> List[int]:
    """Sizes for free axes: a colour image of 224 pixels for four axes, else ones."""
    if len(shape) != IMAGE_AXES:
        return [1] * len(shape)
    channels = 3 if layout == "NHWC" or shape[-1] == COLOURS else 1
    return [COLOURS if axis == channels else IMAGE_SIZE for axis in range(IMAGE_AXES)]


def axes(shape: Sequence[Any]) -> str:
    """A shape as people write it: `?x3x224x224`."""
    return "x".join("?" if size is None else str(size) for size in shape) or "scalar"


def check_inputs(job: Job, inputs: Sequence[TensorSpec]) -> None:
    """Refuse a job whose shapes or batch the loaded model doesn't have.

    Raises:
        UsageError: A shape names no input, or the batch is fixed at another size.
    """
    known = {spec.name: spec for spec in inputs}
    unknown = sorted(set(job.shapes) - set(known))
    if unknown:
        raise UsageError(
            f"the model has no input named {unknown[0]!r}",
            hint="its inputs: " + ", ".join(f"{spec.name}={axes(spec.shape)}" for spec in inputs),
        )
    for name, given in job.shapes.items():
        _checked(known[name], given)
    for spec in _batched(inputs) if job.batch is not None else []:
        fixed = spec.shape[0]
        if fixed != job.batch:
            raise UsageError(
                f"input {spec.name!r} is fixed at batch {fixed}; asked for {job.batch}",
                hint=f"use `--batch {fixed}`, or export the model with `--batch {job.batch}`",
            )


def _batched(inputs: Sequence[TensorSpec]) -> List[TensorSpec]:
    """The inputs whose first axis is the batch: an only one's, else that of two axes and more."""
    several = len(inputs) > 1
    return [spec for spec in inputs if len(spec.shape) > (1 if several else 0)]


def batch_of(inputs: Sequence[TensorSpec]) -> int:
    """Samples in one inference, from the shapes as they are fed."""
    batched = _batched(inputs)
    return (batched[0].shape[0] or 1) if batched else 1


def image_size(inputs: Sequence[TensorSpec], job: Job) -> Tuple[int, int]:
    """Height and width of the one image that a model takes, in pixels; zeros if it takes none."""
    shape = inputs[0].shape if len(inputs) == 1 else ()
    if len(shape) != IMAGE_AXES:
        return (0, 0)
    layout = job.layouts.get(inputs[0].name) or inputs[0].layout
    height, width = shape[1:3] if layout == "NHWC" else shape[2:]
    return (height or 0, width or 0)


def check_types(inputs: Sequence[TensorSpec]) -> None:
    """Refuse a model with an input for which no array can be made.

    Raises:
        UsageError: With the input and its type.
    """
    for spec in inputs:
        try:
            numbers = np.dtype(spec.dtype).kind in "fiub"
        except TypeError:
            numbers = False
        if not numbers:
            raise UsageError(
                f"input {spec.name!r} takes {spec.dtype}: such inputs can't be made up",
                hint="give a model whose inputs are numbers or booleans that NumPy has",
            )


def random_feeds(
    inputs: Sequence[TensorSpec],
    count: int,
    seed: int,
    bounds: Optional[Mapping[str, Sequence[int]]] = None,
) -> List[Feed]:
    """`count` distinct feeds, the same for the same seed, shapes and bounds.

    Args:
        inputs: What to make values for.
        count: How many feeds.
        seed: Seed of the values.
        bounds: As in `Job.bounds`.
    """
    generator = np.random.default_rng(seed)
    known = bounds or {}
    return [
        {spec.name: _random(spec, generator, known.get(spec.name)) for spec in inputs}
        for _ in range(count)
    ]


def _random(spec: TensorSpec, generator: Any, bounds: Optional[Sequence[int]]) -> Any:
    kind = np.dtype(spec.dtype)
    if kind.kind == "f":
        return np.asarray(generator.standard_normal(spec.shape), kind)
    # Bytes are pixels; wider integers are indices or masks, where 0 and 1 are always valid.
    top = BYTE_VALUES if kind.kind in "iu" and kind.itemsize == 1 else 2
    least, largest = bounds or (0, top - 1)
    return np.asarray(generator.integers(least, largest + 1, spec.shape), kind)


class Stored:
    """Samples from an `.npz` file, and outputs where it has them.

    Inputs go by their names where the session has the same, else by their position. Of rows of
    tokens those are left out that don't fit into the session's length.

    Attributes:
        inputs: One array an input of the session, in its layout and type, samples first.
        outputs: The float model's outputs, samples first.
        count: Number of samples.
    """

    def __init__(self, path: Path, specs: Sequence[TensorSpec], job: Job) -> None:
        arrays = _read(path)
        given = _in_order(arrays, [spec.name for spec in specs])
        if len(given) != len(specs):
            raise DataError(
                f"{path.name} holds {len(given)} inputs; the model takes {len(specs)}",
                hint="the samples belong to another model; export again",
            )
        layouts = [job.layouts.get(spec.name) or spec.layout for spec in specs]
        kept = fitting(given, layouts, [spec.shape for spec in specs])
        self.inputs = [fit(array[kept], spec, job) for array, spec in zip(given, specs)]
        outputs = [name for name in arrays if name.startswith("output:")]
        self.outputs = [arrays[name][kept] for name in sorted(outputs, key=_index)]
        self.count = len(self.inputs[0])
        self._names = [spec.name for spec in specs]

    def batches(self, batch: int) -> Iterator[Tuple[Feed, int]]:
        """Every sample once, in order; with each feed the number of samples that count.

        The last feed is filled up with its last sample.
        """
        for start in range(0, self.count, batch):
            chosen = [min(start + i, self.count - 1) for i in range(batch)]
            yield self._feed(chosen), min(batch, self.count - start)

    def rotation(self, batch: int) -> List[Feed]:
        """As many distinct feeds as there are samples, for timing."""
        return [
            self._feed([(start + i) % self.count for i in range(batch)])
            for start in range(self.count)
        ]

    def _feed(self, chosen: List[int]) -> Feed:
        return {
            name: np.ascontiguousarray(array[chosen])
            for name, array in zip(self._names, self.inputs)
        }


def _in_order(arrays: Mapping[str, Any], names: Sequence[str]) -> List[Any]:
    """The input arrays in the order of `names`, if they have the same names; else in their own."""
    given = {
        name.partition(":")[2]: array
        for name, array in arrays.items()
        if name.startswith("input:")
    }
    same = set(given) == set(names)
    return [given[name] for name in names] if same else list(given.values())


def _read(path: Path) -> Mapping[str, Any]:
    try:
        # Opened here: NumPy leaves open a file that is no archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path} can't be read: {error}", hint="it is cut short or missing; export again"
        ) from error


def _index(name: str) -> int:
    return int(name.partition(":")[2])


def fit(array: Any, spec: TensorSpec, job: Job) -> Any:
    """Samples, in NCHW order if they are images, in the layout and the type of the input `spec`.

    Rows of tokens get the input's length.

    Raises:
        DataError: They are of another shape or kind.
    """
    layout = job.layouts.get(spec.name) or spec.layout
    if layout == "NHWC" and array.ndim == IMAGE_AXES:
        array = array.transpose(0, 2, 3, 1)
    array = resized(array, layout, spec.shape)
    kind = np.dtype(spec.dtype)
    if array.shape[1:] != spec.shape[1:] or array.dtype.kind != kind.kind:
        raise DataError(
            f"the samples are {array.dtype} {axes(array.shape[1:])}; input {spec.name!r} takes "
            f"{kind} {axes(spec.shape[1:])}",
            hint="the samples belong to another model; export again",
        )
    return array.astype(kind, copy=False)
