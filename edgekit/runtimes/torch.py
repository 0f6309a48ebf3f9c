"""PyTorch, eager, on the CPU: the exported program itself, as the float reference."""

from __future__ import annotations

import logging
import zipfile
from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple

import torch

from edgekit.runtimes import ShapeOf
from edgekit.runtimes.pt2 import refuse_code
from edgekit.runtimes.specs import (
    count_ops,
    fixed,
    not_run,
    precision_name,
    spec,
    unreadable,
)
from edgekit.wire import OpCount, TensorSpec


class TorchSession:
    """A loaded exported program."""

    def __init__(self, program: Any, inputs: List[TensorSpec]) -> None:
        self._program = program
        self._module = program.module()
        self.inputs = inputs
        self.outputs = _specs(program, program.graph_signature.user_outputs)
        self._names = [value.name for value in inputs]

    def run(self, feeds: Mapping[str, Any]) -> List[Any]:
        """Run once; inputs share their memory with the arrays."""
        with torch.inference_mode():
            given = [torch.from_numpy(feeds[name]) for name in self._names]
            outputs = self._module(*given)
        results = outputs if isinstance(outputs, (tuple, list)) else [outputs]
        return [result.numpy() for result in results]

    def settings(self) -> Dict[str, str]:
        """Threads and matrix precision, read back from torch."""
        return {
            "intra_op_threads": str(torch.get_num_threads()),
            "float32_matmul_precision": torch.get_float32_matmul_precision(),
            "mode": "eager",
        }

    def execution(self, feeds: Mapping[str, Any]) -> List[OpCount]:
        """Operators of the program: eager torch runs them one by one, in their own types."""
        del feeds
        ops = []
        for node in self._program.graph.nodes:
            if node.op == "call_function" and hasattr(node.meta.get("val"), "dtype"):
                name = getattr(node.target, "__name__", str(node.target)).split(".")[0]
                ops.append(OpCount(name, precision_name(_dtype(node.meta["val"])), 1))
        return count_ops(ops)


class Torch:
    """Runs `.pt2` files that `torch.export.save` wrote."""

    packages: Tuple[str, ...] = ("torch",)

    def load(
        self, model: Path, *, threads: int, precision: str, shape_of: ShapeOf
    ) -> TorchSession:
        """Read `model`; eager torch computes in the program's own types, so no `precision`."""
        del precision
        torch.set_num_threads(threads)
        if not zipfile.is_zipfile(model):
            raise unreadable(model, "exported program of torch")
        try:
            # Its own fallback for older archives logs a traceback before it raises.
            logging.getLogger("torch.export").setLevel(logging.ERROR)
            refuse_code(model)
            program = torch.export.load(model)
            # Source text that `module` would compile: checks of shapes, which are made here.
            program._guards_code = []  # noqa: SLF001
            declared = _specs(program, program.graph_signature.user_inputs)
            inputs = [fixed(value, shape_of) for value in declared]
            return TorchSession(program, inputs)
        except (RuntimeError, ValueError, LookupError, zipfile.BadZipFile) as error:
            raise unreadable(model, "exported program of torch", error) from error
        except (ImportError, NotImplementedError, AttributeError) as error:
            raise not_run(model, "torch", error) from error


def _specs(program: Any, names: Tuple[str, ...]) -> List[TensorSpec]:
    values = {node.name: node.meta["val"] for node in program.graph.nodes if "val" in node.meta}
    return [
        spec(
            name,
            # A free axis is a symbol, not an int.
            [axis if isinstance(axis, int) else None for axis in values[name].shape],
            _dtype(values[name]),
        )
        for name in names
    ]


def _dtype(tensor: Any) -> str:
    return str(tensor.dtype).replace("torch.", "")


RUNTIME = Torch()
