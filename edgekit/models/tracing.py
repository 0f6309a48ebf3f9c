"""The one trace that every format starts from, and running it for reference outputs."""

from __future__ import annotations

import io
import warnings
import zipfile
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.export import Dim, ExportedProgram

from edgekit.errors import DataError, ToolError
from edgekit.models.fusion import LEAST_SQNR_DB, Pair, outputs_of, sqnr

# Sizes 0 and 1 are special to the tracer, so the example has two samples.
EXAMPLE_BATCH = 2
# Images in one forward pass for reference outputs: enough to be fast, little enough memory.
REFERENCE_BATCH = 16
# One image and several: code that looks at the batch size may take another way for one.
CHECKED_BATCHES = (1, 2)


class _Named(nn.Module):
    """Gives the input its name: the tracer takes it from the parameter."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        # Not eval(): that would drop what attention blocks have computed from their weights once,
        # and the trace would do it again for every image.
        self.training = False

    def forward(self, input: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        output: torch.Tensor | tuple[torch.Tensor, ...] = self.net(input)
        return output


def example(size: tuple[int, int], batch: int = EXAMPLE_BATCH, seed: int = 0) -> torch.Tensor:
    """Noise as large as normalized photos: `batch` RGB images of `size` (height, width)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn((batch, 3, *size), generator=generator)


def trace(
    module: nn.Module,
    size: tuple[int, int],
    batch: int,
    path: Path,
    pair: Pair | None = None,
) -> int | None:
    """Trace `module` once and write it to `path`.

    Args:
        module: The network, in eval mode.
        size: Height and width of the input, in pixels.
        batch: Batch size to fix where the network can't have a free one.
        path: A `.pt2` file.
        pair: What brings outputs without a fixed order into one.

    Returns:
        The batch size of the program; None if it is free.

    Raises:
        ToolError: torch can't trace it either way, or the program computes something else.
    """
    named = _Named(module)
    free = {"input": {0: Dim("batch")}}
    try:
        program = _export(named, example(size), free)
    except (RuntimeError, ValueError, AssertionError):
        # Some code computes with the batch size as a plain number.
        try:
            program = _export(named, example(size, batch), None)
        except (RuntimeError, ValueError, AssertionError) as error:
            message = f"torch.export can't trace the network: {str(error).splitlines()[0]}"
            raise ToolError(message, hint="take another model: edgekit models") from error
        fixed: int | None = batch
    else:
        fixed = None
    _save(program, path)
    _verify(module, size, path, fixed, pair)
    return fixed


def _verify(
    module: nn.Module,
    size: tuple[int, int],
    path: Path,
    fixed: int | None,
    pair: Pair | None,
) -> None:
    """Run what was written beside `module`: every parity is measured against the trace alone."""
    for batch in (fixed,) if fixed else CHECKED_BATCHES:
        image = example(size, batch, seed=1)
        with torch.no_grad():
            expected = outputs_of(module(image))
        found = [torch.from_numpy(output) for output in run(path, image.numpy())]
        sqnr_db = sqnr(expected, found, pair)
        if not sqnr_db > LEAST_SQNR_DB:
            message = f"the trace gives other outputs than the network: {sqnr_db:.0f} dB SQNR"
            hint = "report it with the model's name; take another model: edgekit models"
            raise ToolError(message, hint=hint)


def _save(program: ExportedProgram, path: Path) -> None:
    # Without the source lines that torch notes: they hold this machine's folders.
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
    # Through memory: on a full disk torch's own writer ends the process from its destructor.
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    path.write_bytes(buffer.getbuffer())


def _export(module: nn.Module, image: torch.Tensor, dynamic: object) -> ExportedProgram:
    with torch.no_grad(), warnings.catch_warnings():
        # torchvision's NMS asks torch by an older name.
        warnings.filterwarnings("ignore", "`create_unbacked_symint`", FutureWarning)
        return torch.export.export(module, (image,), dynamic_shapes=dynamic, strict=False)


def run(path: Path, images: np.ndarray) -> tuple[np.ndarray, ...]:
    """Outputs of a traced network.

    Args:
        path: The `.pt2` file.
        images: Inputs, (N, 3, H, W), float32.

    Returns:
        Each output, (N, ...).

    Raises:
        DataError: The file can't be read.
    """
    program = _load(path)
    module = program.module()
    fixed = _fixed_batch(program)
    step = fixed or REFERENCE_BATCH
    with torch.inference_mode():
        parts = [
            outputs_of(module(torch.from_numpy(_fill(images[start : start + step], fixed))))
            for start in range(0, len(images), step)
        ]
    return tuple(
        np.concatenate([part.numpy() for part in output])[: len(images)]
        for output in zip(*parts, strict=True)
    )


def _load(path: Path) -> ExportedProgram:
    hint = "export it again: edgekit export MODEL"
    if not zipfile.is_zipfile(path):  # torch would log a traceback of its own
        message = f"{path} can't be read as a traced network: it is cut short, or none"
        raise DataError(message, hint=hint)
    try:
        return torch.export.load(path)
    except (RuntimeError, ValueError, LookupError, OSError) as error:
        message = f"{path} can't be read as a traced network: {str(error).splitlines()[0]}"
        raise DataError(message, hint=hint) from error


def _fixed_batch(program: ExportedProgram) -> int | None:
    shape = next(n for n in program.graph.nodes if n.name == "input").meta["val"].shape
    return shape[0] if isinstance(shape[0], int) else None


def _fill(images: np.ndarray, batch: int | None) -> np.ndarray:
    """`images`, the last repeated up to a batch that is fixed."""
    lacking = (batch or 0) - len(images)
    full = np.concatenate([images, *[images[-1:]] * lacking]) if lacking > 0 else images
    return np.ascontiguousarray(full, dtype=np.float32)
