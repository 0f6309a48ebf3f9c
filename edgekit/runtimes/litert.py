"""LiteRT (TensorFlow Lite) on the CPU, with its XNNPACK delegate."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

import numpy as np

from edgekit.errors import FixedBatchError
from edgekit.runtimes import ShapeOf
from edgekit.runtimes.litertprofile import Ran, matched, profiled
from edgekit.runtimes.specs import (
    first_line,
    not_run,
    precision_name,
    spec,
    unreadable,
    with_shape,
)
from edgekit.wire import Op, TensorSpec

try:
    from ai_edge_litert.interpreter import Interpreter
except ModuleNotFoundError:  # older boards have the package under its older name
    from tflite_runtime.interpreter import Interpreter

DELEGATE = "DELEGATE"
XNNPACK, HOST = "XNNPACK", "CPU"
CONVERSIONS = ("QUANTIZE", "DEQUANTIZE", "CAST")


class LitertSession:
    """An interpreter with its tensors allocated.

    Args:
        interpreter: The interpreter.
        model: The file, to profile it in a process of its own.
        inputs: Inputs as they are fed.
        threads: Threads that it was given.
        overruled: Whether an input has a shape that the file itself doesn't allow.
    """

    def __init__(
        self,
        interpreter: Any,
        model: Path,
        inputs: List[TensorSpec],
        threads: int,
        *,
        overruled: bool,
    ) -> None:
        self._overruled = overruled
        self._model = model
        self._interpreter = interpreter
        self._threads = threads
        self._invoke = interpreter.invoke
        self._set = interpreter.set_tensor
        self._get = interpreter.get_tensor
        self.inputs = inputs
        self.outputs = [_spec(detail) for detail in interpreter.get_output_details()]
        details = interpreter.get_input_details()
        self._slots = [(value.name, d["index"]) for value, d in zip(inputs, details)]
        self._results = [detail["index"] for detail in interpreter.get_output_details()]

    def run(self, feeds: Mapping[str, Any]) -> List[Any]:
        """Run once; `get_tensor` copies."""
        for name, slot in self._slots:
            self._set(slot, feeds[name])
        try:
            self._invoke()
        except RuntimeError as error:
            if self._overruled:
                raise _fixed_batch(error) from error
            raise
        return [self._get(slot) for slot in self._results]

    def settings(self) -> Dict[str, str]:
        """Threads as set, and how much of the graph the delegate took.

        The interpreter has no getter for threads.
        """
        nodes = self._interpreter._get_ops_details()  # noqa: SLF001 -- there is no other way
        taken = _delegated(nodes)
        partitions = sum(node["op_name"] == DELEGATE for node in nodes)
        return {
            "threads": str(self._threads),
            "xnnpack": "on" if partitions else "off",
            "delegate_partitions": str(partitions),
            "delegated_ops": f"{len(taken)} of {len(nodes) - partitions}",
        }

    def execution(self, feeds: Mapping[str, Any]) -> List[Op]:
        """Operators of the file, named by what they give; a delegate runs them in their types.

        Times are those of a second model that LiteRT's C library compiles; without any where what
        that ran can't be told from the file's operators.
        """
        nodes = self._interpreter._get_ops_details()  # noqa: SLF001
        taken = _delegated(nodes)
        inputs = {index for _, index in self._slots}
        computing = [
            n["index"] for n in nodes if n["index"] in taken and _computes(n, nodes, inputs)
        ]
        given = {name: feeds[name] for name, _ in self._slots}
        ran = matched(nodes, computing, profiled(self._model, self._threads, given))
        names = {int(d["index"]): str(d["name"]) for d in self._interpreter.get_tensor_details()}
        return [
            Op(
                name=next((names[int(tensor)] for tensor in node["outputs"]), ""),
                op=str(node["op_name"]),
                precision=_precision(node),
                unit=XNNPACK if node["index"] in taken else HOST,
                conversion=node["op_name"] in CONVERSIONS,
                **_timed(node["index"], ran),
            )
            for node in nodes
            if node["op_name"] != DELEGATE
        ]


class Litert:
    """Runs `.tflite` files."""

    packages: Tuple[str, ...] = ("ai-edge-litert", "tflite-runtime")

    def load(
        self, model: Path, *, threads: int, precision: str, shape_of: ShapeOf
    ) -> LitertSession:
        """Read `model`; XNNPACK computes in the file's own types, so no `precision`."""
        del precision
        try:
            interpreter = Interpreter(model_path=str(model), num_threads=threads)
        except ValueError as error:
            raise unreadable(model, "LiteRT model", error) from error
        except RuntimeError as error:
            raise not_run(model, "litert", error) from error
        declared = [_spec(detail) for detail in interpreter.get_input_details()]
        inputs = _resize(interpreter, declared, shape_of)
        try:
            interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            if _overruled(declared, inputs):
                raise _fixed_batch(error) from error
            raise not_run(model, "litert", error) from error
        overruled = _overruled(declared, inputs)
        return LitertSession(interpreter, model, inputs, threads, overruled=overruled)


def _resize(
    interpreter: Any, declared: Sequence[TensorSpec], shape_of: ShapeOf
) -> List[TensorSpec]:
    """Give each input the shape that is asked for.

    Every input is asked about, since a fixed file of batch 1 can often be resized all the same.
    """
    inputs = []
    for detail, own in zip(interpreter.get_input_details(), declared):
        value = with_shape(own, shape_of(own))
        if value.shape != tuple(int(axis) for axis in detail["shape"]):
            interpreter.resize_tensor_input(detail["index"], list(value.shape))
        inputs.append(value)
    return inputs


def _overruled(declared: Sequence[TensorSpec], inputs: Sequence[TensorSpec]) -> bool:
    """Whether an input has a shape that the file itself doesn't allow."""
    return any(
        size not in (None, chosen)
        for own, value in zip(declared, inputs)
        for size, chosen in zip(own.shape, value.shape)
    )


def _fixed_batch(error: BaseException) -> FixedBatchError:
    return FixedBatchError(
        f"the file is fixed at its own batch size: {first_line(error)}",
        hint="run it with the batch that it was exported with, or export it with `--batch N`",
    )


def _spec(detail: Mapping[str, Any]) -> TensorSpec:
    signature = detail["shape_signature"] if len(detail["shape_signature"]) else detail["shape"]
    shape = [int(axis) if axis >= 0 else None for axis in signature]
    return spec(detail["name"], shape, np.dtype(detail["dtype"]).name)


def _precision(node: Mapping[str, Any]) -> str:
    """Integer if the first operand is; a constant shape or axis is never the first."""
    kinds = [*node["operand_types"][:1], *node["result_types"][:1]]
    return precision_name(np.dtype(kinds[0]).name) if kinds else ""


def _timed(index: int, ran: Optional[Mapping[int, Ran]]) -> Dict[str, Any]:
    """Kernel and time of an operator, as fields of `Op`, from what was run for each of them."""
    if ran is None:
        return {}
    # It changes a constant, which was done at loading, or is done within another.
    return (
        {"kernel": ran[index].kind, "time_ns": ran[index].time_ns}
        if index in ran
        else {"time_ns": 0}
    )


def _computes(
    node: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]], inputs: Set[int]
) -> bool:
    """Whether an operator reads what isn't constant: the graph's inputs, or another's outputs."""
    made = {int(tensor) for other in nodes for tensor in other["outputs"]}
    return any(int(tensor) in made | inputs for tensor in node["inputs"])


def _delegated(nodes: Sequence[Mapping[str, Any]]) -> Set[int]:
    """Indices of the operators that stand inside a delegate's partitions.

    The interpreter keeps replaced operators in its list. They are found from a partition's
    outputs, going back until its inputs.
    """
    maker = {
        int(tensor): node
        for node in nodes
        if node["op_name"] != DELEGATE
        for tensor in node["outputs"]
    }
    taken: Set[int] = set()
    for partition in nodes:
        if partition["op_name"] != DELEGATE:
            continue
        ends = {int(tensor) for tensor in partition["inputs"]}
        waiting = [int(tensor) for tensor in partition["outputs"]]
        while waiting:
            tensor = waiting.pop()
            node = maker.get(tensor)
            if tensor in ends or node is None or node["index"] in taken:
                continue
            taken.add(node["index"])
            waiting.extend(int(source) for source in node["inputs"])
    return taken


RUNTIME = Litert()
