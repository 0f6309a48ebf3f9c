"""The one trace of a text network that every format starts from, and running it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.export import Dim

from edgekit.errors import ToolError
from edgekit.models import TextNet
from edgekit.models.fusion import LEAST_SQNR_DB, sqnr
from edgekit.wire import TensorSpec

# Sizes of the example: none that is special to the tracer (0, 1), no two alike.
BATCH, LENGTH, SEEN = 2, 3, 5
# Sizes that the trace is checked at: (samples, new tokens, tokens seen before).
CHECKED = ((1, 4, 4), (3, 7, 2))


def trace(net: TextNet, path: Path) -> None:
    """Trace `net` once, batch and lengths free, and write it to `path`.

    Raises:
        ToolError: torch can't trace it, or the program computes something else.
    """
    inputs = example(net, BATCH, LENGTH, SEEN)
    try:
        with torch.no_grad():
            program = torch.export.export(
                net.module, tuple(inputs), dynamic_shapes=_free(net), strict=False
            )
    except (RuntimeError, ValueError, AssertionError, TypeError) as error:
        raise ToolError(
            f"torch.export can't trace the network: {str(error).splitlines()[0]}",
            hint="take another checkpoint; the tiny ones always work: bert:tiny, gpt:tiny",
        ) from error
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # they hold this machine's folders
    _forget_sums(program)
    # Through memory: on a full disk torch's own writer ends the process from its destructor.
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    path.write_bytes(buffer.getbuffer())
    for sizes in CHECKED:
        _verify(net, path, example(net, *sizes))


def _forget_sums(program: Any) -> None:
    """Keep bounds of lengths alone, not those of their sum, which follow from them.

    torch (2.14) writes them into the file and can't decompose a program that has them afterwards.
    """
    bounds = program.range_constraints
    for size in [size for size in bounds if not size.is_Symbol]:
        del bounds[size]


def example(net: TextNet, batch: int, length: int, seen: int) -> list[torch.Tensor]:
    """Inputs of `net`: every id drawn from its vocabulary, every token to be seen.

    Args:
        net: The network.
        batch: Samples.
        length: New tokens.
        seen: Tokens in the cache, where it has one.
    """
    generator = torch.Generator().manual_seed(0)
    cached = len(net.inputs) > len(("input_ids", "attention_mask"))
    total = length + seen if cached else length
    ids = torch.randint(0, net.vocabulary, (batch, length), generator=generator)
    cache = [
        torch.randn((batch, _size(spec, 1), seen, _size(spec, 3)), generator=generator)
        for spec in net.inputs[2:]
    ]
    return [ids, torch.ones((batch, total), dtype=torch.int64), *cache]


def run(path: Path, feeds: Mapping[str, Any]) -> list[Any]:
    """Outputs of a traced network for named inputs, in the order of its own."""
    program = torch.export.load(path)
    names = program.graph_signature.user_inputs
    with torch.inference_mode():
        found = program.module()(*(torch.from_numpy(np.array(feeds[name])) for name in names))
    several = found if isinstance(found, tuple) else (found,)
    return [part.numpy() for part in several]


def _size(spec: TensorSpec, axis: int) -> int:
    return spec.shape[axis] or 1


def _free(net: TextNet) -> dict[str, dict[int, Any]]:
    batch, length, seen = Dim("batch"), Dim("length", max=net.max_tokens), Dim("seen")
    found: dict[str, dict[int, Any]] = {}
    for index, spec in enumerate(net.inputs):
        # The mask covers what was seen and what is new: a sum, which has no name of its own.
        own = Dim.AUTO if index == 1 and len(net.inputs) > 2 else length  # noqa: PLR2004
        found[spec.name] = {0: batch, 2: seen} if spec.layout == "NHTD" else {0: batch, 1: own}
    return found


def _verify(net: TextNet, path: Path, inputs: list[torch.Tensor]) -> None:
    """Run what was written beside the network: every parity is measured against the trace."""
    with torch.no_grad():
        expected = net.module(*inputs)
    whole = expected if isinstance(expected, tuple) else (expected,)
    names = (spec.name for spec in net.inputs)
    feeds = {name: tensor.numpy() for name, tensor in zip(names, inputs, strict=True)}
    for own, found in zip(whole, run(path, feeds), strict=True):
        sqnr_db = sqnr(own, torch.from_numpy(found))
        if not sqnr_db > LEAST_SQNR_DB:
            raise ToolError(
                f"the trace gives other outputs than the network: {sqnr_db:.0f} dB SQNR",
                hint="report it with the checkpoint's name",
            )
