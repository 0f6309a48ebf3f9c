"""What to calibrate on, and what parity is measured on: photos, by hash, never one in both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from edgekit.datasets import images, packaged, roots
from edgekit.errors import DataError
from edgekit.quantizers import Feeds
from edgekit.records import Artifact, Calibration, Preprocess
from edgekit.storage import file_sha256
from edgekit.wire import TensorSpec

# More photos hardly move a range and cost minutes.
MAX_PHOTOS = 512
# Fewer leave ranges to chance: each photo more still moved them in every network tried.
LEAST_PHOTOS = 32
# With a guard and no data for it, each fourth sample is held out, if so many are left; fewer of
# many, each of which the guard runs at each try.
_HELD_OUT = 4
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class PhotoSet:
    """Photos with their digests, in the order of use."""

    photos: images.Photos
    digests: tuple[str, ...]

    def record(self, artifact: Artifact) -> Calibration:
        """What stands of them in an artifact made of `artifact`."""
        names = (path.name for path in self.photos.paths)
        return Calibration(
            source=self.photos.source,
            files=tuple(zip(names, self.digests, strict=True)),
            skipped=self.photos.skipped,
            preprocess_sha256=artifact.photos.sha256,
        )

    def words(self) -> str:
        """How many photos, from where, and what was passed over."""
        skipped = self.photos.skipped
        more = ", ..." if len(skipped) > _SHOWN else ""
        passed = f"; skipped {len(skipped)}: {', '.join(skipped[:_SHOWN])}{more}"
        few = "; few photos make poor ranges" if len(self.digests) < LEAST_PHOTOS else ""
        return f"{len(self.digests)} photos: {self.photos.source}{passed if skipped else ''}{few}"

    def tensors(self, preprocess: Preprocess) -> images.Tensors:
        """Their tensors, made when asked for."""
        return images.Tensors(preprocess, self.photos.paths)

    def feeds(self, artifact: Artifact) -> Feeds:
        """Inputs of `artifact`, made when asked for."""
        return PhotoFeeds(self.tensors(artifact.photos), artifact.inputs[0])

    def check_differ(self, artifact: Artifact) -> None:
        """Refuse photos that give one tensor, or one without any detail.

        Raises:
            DataError: They do.
        """
        check_differ(self.tensors(artifact.photos))


def calibration_set(
    folder: Path | None, seed: int, *, allow_few: bool = False, hold_out: bool = False
) -> PhotoSet:
    """The photos of `folder`, or those that come with packages if it is None.

    Of more than `MAX_PHOTOS`, a seeded sample is taken.

    Args:
        folder: The folder, or the root of a data set of any kind; of one that is divided, the
            part to learn from is taken.
        seed: Seed of the sample.
        allow_few: Whether fewer than `LEAST_PHOTOS` are taken.
        hold_out: Whether those of `held_out` are left for `held_out_set`, where enough remain.

    Raises:
        DataError: The folder is missing, empty, holds no image, too few or the same one only.
        MissingDependency: No folder is given and the packages aren't installed.
    """
    if folder is None:
        return _with_digests(packaged.calibration())
    photos = roots.learnt(folder)
    paths = photos.paths
    if len(paths) > MAX_PHOTOS:
        chosen = np.random.default_rng(seed).choice(len(paths), MAX_PHOTOS, replace=False)
        paths = tuple(paths[index] for index in sorted(chosen))
    if hold_out and is_enough(len(photos.paths)):
        held = {photos.paths[index] for index in held_out(len(photos.paths))}
        paths = tuple(path for path in paths if path not in held)
    found = _with_digests(images.Photos(photos.source, paths, photos.skipped))
    _check_photos(folder, found, allow_few=allow_few)
    return found


def is_enough(count: int) -> bool:
    """Whether enough of `count` samples remain to calibrate on if some are held out."""
    return count * (_HELD_OUT - 1) // _HELD_OUT >= LEAST_PHOTOS


def held_out(count: int) -> range:
    """Which of `count` samples are held out: evenly spread, `MAX_PHOTOS` at most."""
    return range(0, count, max(_HELD_OUT, -(-count // MAX_PHOTOS)))


def _check_photos(folder: Path, found: PhotoSet, *, allow_few: bool) -> None:
    files, count = len(found.digests), len(set(found.digests))
    if files > 1 and count == 1:
        raise DataError(
            f"the {files} photos of {folder} are all the same: ranges would be of one photo",
            hint="give different photos like those that the model will see",
        )
    if count < LEAST_PHOTOS and not allow_few:
        copies = f" in {files} files" if files != count else ""
        raise DataError(
            f"{folder} holds {count} photos{copies}; ranges need {LEAST_PHOTOS} at least",
            hint="give more photos, or --allow-few to calibrate on these all the same",
        )


def held_out_set(folder: Path | None) -> PhotoSet:
    """The photos of `folder` that `calibration_set` holds out; the golden ones if it can't."""
    photos = roots.learnt(folder) if folder else None
    if photos is None or not is_enough(len(photos.paths)):
        return golden_set()
    held = held_out(len(photos.paths))
    source = f"{photos.source}, one in {held.step}, not calibrated on"
    return _with_digests(images.Photos(source, tuple(photos.paths[index] for index in held)))


def measured_set(folder: Path) -> PhotoSet:
    """All photos of the part of `folder` that is measured on, whatever is right for them."""
    return _with_digests(roots.photos(roots.measured(folder)))


def check_apart(calibration: PhotoSet, evaluation: PhotoSet) -> None:
    """Refuse photos that are both calibrated on and measured on.

    Raises:
        DataError: With the first of them.
    """
    measured = set(evaluation.digests)
    both = [
        path.name
        for path, digest in zip(calibration.photos.paths, calibration.digests, strict=True)
        if digest in measured
    ]
    if both:
        raise DataError(
            f"{len(both)} photos are both calibrated on and measured on: "
            f"{', '.join(both[:_SHOWN])}{', ...' if len(both) > _SHOWN else ''}",
            hint="give other photos to one of the two: the accuracy would flatter the file",
        )


def golden_set() -> PhotoSet:
    """The photos of the golden sample."""
    return _with_digests(packaged.golden())


def _with_digests(photos: images.Photos) -> PhotoSet:
    return PhotoSet(photos, tuple(file_sha256(path) for path in photos.paths))


def check_differ(tensors: images.Tensors) -> None:
    """Refuse photos that give one tensor, or one without any detail: ranges would be of nothing.

    It stops at the first photo that differs, so it costs little where all is well.

    Raises:
        DataError: They do.
    """
    first = tensors[0]
    flat = not np.ptp(first, axis=(1, 2)).any()
    several = len(tensors) > 1
    if (several or flat) and all(np.array_equal(first, other) for other in tensors[1:]):
        what = "each is of one colour" if flat else "each gives the same input"
        raise DataError(
            f"the calibration photos are all alike: {what}",
            hint="give photos like those that the model will see with --calib",
        )


def golden_arrays(
    name: str,
    inputs: npt.NDArray[np.float32],
    outputs: Sequence[npt.NDArray[np.float32]],
) -> dict[str, npt.NDArray[Any]]:
    """A golden sample of photos, as it is stored.

    Args:
        name: Name of the float model's input.
        inputs: Shape (N, 3, H, W).
        outputs: The float model's outputs, each of shape (N, ...).
    """
    given = {f"output:{index}": output for index, output in enumerate(outputs)}
    return {f"input:{name}": inputs, **given}


class PhotoFeeds(Sequence[Mapping[str, Any]]):
    """Calibration inputs in an input's own name, layout and batch, made when asked for."""

    def __init__(self, tensors: images.Tensors, spec: TensorSpec) -> None:
        self._tensors = tensors
        self._spec = spec

    def __len__(self) -> int:
        return len(self._tensors)

    @overload
    def __getitem__(self, index: int) -> Mapping[str, Any]: ...

    @overload
    def __getitem__(self, index: slice) -> "PhotoFeeds": ...

    def __getitem__(self, index: int | slice) -> "Mapping[str, Any] | PhotoFeeds":
        if isinstance(index, slice):
            return PhotoFeeds(self._tensors[index], self._spec)
        image = self._tensors[index]
        if self._spec.layout == "NHWC":
            image = image.transpose(1, 2, 0)
        # A file with a fixed batch is calibrated on one photo repeated: ranges stay the same.
        batch = self._spec.shape[0] or 1
        return {self._spec.name: np.repeat(image[None], batch, axis=0)}
