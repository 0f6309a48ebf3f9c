"""A whole application, part by part: decode, preprocess, model, postprocess.

The model alone answers how fast a runtime is; this answers why an application is slower.
"""

from __future__ import annotations

import io
import itertools
import time
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np

from edgekit.errors import DataError, MissingDependency, UsageError
from edgekit.measure.collector import at_rest
from edgekit.measure.inputs import Feed, batch_of, fit, image_size
from edgekit.measure.loop import MOST_RUNS, NS, Clock
from edgekit.runtimes import Session
from edgekit.tasks import TASKS
from edgekit.wire import EndToEnd, Job, Profile

PARTS = ("decode", "preprocess", "model", "postprocess")
TOTAL = "total"
BEST = 5


class Application:
    """What a program does with a photo, with the model in the middle.

    Args:
        job: The job.
        asked: With which photos, and how they become the input.
        session: The model.

    Raises:
        MissingDependency: Pillow isn't installed.
        UsageError: The model takes more than one input.
        DataError: A photo can't be read.
    """

    def __init__(self, job: Job, asked: EndToEnd, session: Session) -> None:
        if len(session.inputs) != 1:
            raise UsageError(
                f"the model takes {len(session.inputs)} inputs: a photo is only one",
                hint="leave out --end-to-end for this file",
            )
        try:
            from PIL import Image

            from edgekit import pixels
        except ImportError as error:
            raise MissingDependency(
                f"decoding photos needs Pillow: {error}", hint="pip install 'pillow>=9.1'"
            ) from error
        self._open, self._apply = Image.open, pixels.apply
        self._asked = asked
        self._spec, self._job = session.inputs[0], job
        self._run = session.run
        known = asked.head in TASKS.names()
        self._decode = TASKS.get(asked.head).decode if known else None
        self._size = image_size(session.inputs, job)
        encoded = itertools.cycle([_read(Path(photo)) for photo in asked.photos])
        size = batch_of(session.inputs)
        self.groups = [list(itertools.islice(encoded, size)) for _ in asked.photos]

    def once(self, group: Sequence[bytes], clock: Clock) -> Tuple[int, ...]:
        """Take encoded photos, as many as one inference takes, through all of it.

        Returns:
            Five instants of `clock`: each of `PARTS` lies between two of them.
        """
        start = clock()
        images = self.decode(group)
        decoded = clock()
        feed = self.preprocess(images)
        ready = clock()
        outputs = self._run(feed)
        computed = clock()
        self.postprocess(outputs)
        return start, decoded, ready, computed, clock()

    def decode(self, group: Sequence[bytes]) -> List[Any]:
        """Encoded images in memory to pixels."""
        images = [self._open(io.BytesIO(encoded)) for encoded in group]
        for image in images:
            image.load()
        return images

    def preprocess(self, images: Sequence[Any]) -> Feed:
        """Pixels to the model's input, by the one preprocessing."""
        samples = np.stack([self._apply(self._asked.preprocess, image) for image in images])
        return {self._spec.name: np.ascontiguousarray(fit(samples, self._spec, self._job))}

    def postprocess(self, outputs: Sequence[Any]) -> Any:
        """The best classes with their probabilities, or what the task makes of other outputs."""
        if self._asked.head == "classify":
            return best_classes(outputs[0])
        return self._decode(outputs, self._size) if self._decode else outputs


def best_classes(scores: Any) -> Tuple[Any, Any]:
    """Softmax, and the `BEST` classes of each sample, the best first.

    Args:
        scores: Before softmax, shape (N, C).

    Returns:
        Indices and probabilities, each of shape (N, min(BEST, C)).
    """
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares = powers / powers.sum(axis=-1, keepdims=True)
    order = np.argsort(-shares, axis=-1, kind="stable")[..., :BEST]
    return order, np.take_along_axis(shares, order, axis=-1)


def time_parts(
    application: Application, profile: Profile, clock: Clock = time.perf_counter_ns
) -> Dict[str, List[int]]:
    """Take photo after photo through `application`, until both minima hold or the time is up.

    Returns:
        By the names of `PARTS` and `TOTAL`: the wall time of each, in ns.
    """
    least, most = profile.min_time_s * NS, profile.max_time_s * NS
    for group in application.groups:  # untimed: each photo once
        application.once(group, clock)
    rows: List[Tuple[int, ...]] = []
    with at_rest():
        begun = clock()
        for group in itertools.islice(itertools.cycle(application.groups), MOST_RUNS):
            rows.append(application.once(group, clock))
            elapsed = rows[-1][-1] - begun
            if elapsed >= most or (len(rows) >= profile.min_runs and elapsed >= least):
                break
    found = {name: [row[i + 1] - row[i] for row in rows] for i, name in enumerate(PARTS)}
    return {**found, TOTAL: [row[-1] - row[0] for row in rows]}


def _read(photo: Path) -> bytes:
    try:
        return photo.read_bytes()
    except OSError as error:
        raise DataError(f"{photo} can't be read: {error}", hint="give other photos") from error
