"""PyTorch: the exported program itself, eager or compiled, on the CPU or on an NVIDIA GPU.

Eager on the CPU it is the float reference.
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple

import numpy as np
import torch
from torch.export.passes import move_to_device_pass

from edgekit.errors import MissingDependency
from edgekit.runtimes import ShapeOf
from edgekit.runtimes.pt2 import refuse_code
from edgekit.runtimes.specs import fixed, not_run, precision_name, run_some, spec, unreadable
from edgekit.runtimes.torchtrace import RUN, ops_of
from edgekit.wire import Op, TensorSpec

CPU, CUDA = "cpu", "cuda"
COMPILER = "g++"
NS_PER_MS = 1e6


class TorchSession:
    """A loaded exported program.

    Args:
        program: The program.
        inputs: Inputs as they are fed.
        device: `cpu` or `cuda`.
        compiled: Whether TorchInductor compiles it, now.
    """

    def __init__(
        self, program: Any, inputs: List[TensorSpec], device: str, *, compiled: bool
    ) -> None:
        self._device = device
        self._compiled = compiled
        self.inputs = inputs
        self.outputs = _specs(program, program.graph_signature.user_outputs)
        self._names = [value.name for value in inputs]
        self._module = _module(program, device)
        if compiled:
            self._compile()

    def run(self, feeds: Mapping[str, Any]) -> List[Any]:
        """Run once; on the CPU inputs share their memory with the arrays."""
        with torch.inference_mode():
            return _to_host(self._module(*self._to_device(feeds)))

    def settings(self) -> Dict[str, str]:
        """Device, threads, and what may be narrowed, read back from torch."""
        found = {
            "intra_op_threads": str(torch.get_num_threads()),
            "float32_matmul_precision": torch.get_float32_matmul_precision(),
            "mode": "compiled" if self._compiled else "eager",
            "device": self._device,
        }
        if self._compiled:
            found["compile_cache"] = _compile_cache()
        return {**found, **_gpu_settings()} if self._device == CUDA else found

    def execution(self, feeds: Mapping[str, Any]) -> List[Op]:
        """Operators that torch's profiler saw, in their own types."""
        kinds = torch.profiler.ProfilerActivity
        activities = [kinds.CPU, kinds.CUDA] if self._device == CUDA else [kinds.CPU]

        def run() -> None:
            given = self._to_device(feeds)
            with torch.profiler.record_function(RUN):
                outputs = self._module(*given)
            _to_host(outputs)

        profile = torch.profiler.profile(activities=activities, record_shapes=True)
        with torch.inference_mode(), profile as profiler:
            run_some(run)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "trace.json"
            profiler.export_chrome_trace(str(path))
            events = json.loads(path.read_bytes())["traceEvents"]
        return ops_of(events, self._device.upper(), precision_name(self.outputs[0].dtype))

    def _to_device(self, feeds: Mapping[str, Any]) -> List[Any]:
        return [torch.from_numpy(feeds[name]).to(self._device) for name in self._names]

    def _compile(self) -> None:
        from torch._inductor import config

        # Compilers of its own would live on beside what is timed.
        config.compile_threads = 1
        # Compiled kernels tell the profiler their names; it costs nothing where none is on.
        config.cpp.enable_kernel_profile = True
        self._module = torch.compile(self._module, dynamic=False)
        # It is compiled at the first call, and that belongs to making it ready.
        self.run({value.name: np.zeros(value.shape, value.dtype) for value in self.inputs})


class TorchCudaSession(TorchSession):
    """A program on the GPU, whose parts can be timed."""

    def parts(self, feeds: Mapping[str, Any]) -> Dict[str, int]:
        """Copies and computing of one inference by CUDA events, computing by the host as well."""
        events = [torch.cuda.Event(enable_timing=True) for _ in range(6)]
        with torch.inference_mode():
            torch.cuda.synchronize()
            events[0].record()
            given = self._to_device(feeds)
            events[1].record()
            torch.cuda.synchronize()
            start = time.perf_counter_ns()
            events[2].record()
            outputs = self._module(*given)
            events[3].record()
            torch.cuda.synchronize()
            compute_host = time.perf_counter_ns() - start
            events[4].record()
            _to_host(outputs)
            events[5].record()
            torch.cuda.synchronize()
        h2d, compute, d2h = (
            round(begin.elapsed_time(end) * NS_PER_MS)
            for begin, end in zip(events[::2], events[1::2])
        )
        return {"h2d": h2d, "compute": compute, "d2h": d2h, "compute_host": compute_host}


class Torch:
    """Runs `.pt2` files that `torch.export.save` wrote.

    Args:
        device: `cpu` or `cuda`.
        compiled: Whether TorchInductor compiles the program; it is part of loading.
    """

    packages: Tuple[str, ...] = ("torch", "triton")

    def __init__(self, device: str = CPU, *, compiled: bool = False) -> None:
        self._device = device
        self._compiled = compiled

    def load(
        self, model: Path, *, threads: int, precision: str, shape_of: ShapeOf
    ) -> TorchSession:
        """Read `model`; torch computes in the program's own types, so no `precision`."""
        del precision
        if self._device == CUDA:
            _need_gpu()
        elif self._compiled:
            _need_compiler()
        torch.set_num_threads(threads)
        program, inputs = _read(model, shape_of)
        kind = TorchCudaSession if self._device == CUDA else TorchSession
        try:
            return kind(program, inputs, self._device, compiled=self._compiled)
        except Exception as error:
            raise not_run(model, "torch", error) from error


def _read(model: Path, shape_of: ShapeOf) -> Tuple[Any, List[TensorSpec]]:
    """The program, and its inputs as they are fed."""
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
        return program, [fixed(value, shape_of) for value in declared]
    except (RuntimeError, ValueError, LookupError, zipfile.BadZipFile) as error:
        raise unreadable(model, "exported program of torch", error) from error
    except (ImportError, NotImplementedError, AttributeError) as error:
        raise not_run(model, "torch", error) from error


def _module(program: Any, device: str) -> Any:
    if device == CPU:
        return program.module()
    # TF32, which has ten bits of mantissa, is what cuDNN would take for float32 by itself.
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    # Devices stand in the program itself as well: of what it makes as it runs.
    return move_to_device_pass(program, device).module()


def _to_host(outputs: Any) -> List[Any]:
    results = outputs if isinstance(outputs, (tuple, list)) else [outputs]
    return [result.cpu().numpy() for result in results]


def _need_gpu() -> None:
    if not torch.cuda.is_available():
        built = torch.version.cuda
        raise MissingDependency(
            f"torch {torch.__version__} sees no CUDA device"
            + ("" if built else "; it was built without CUDA"),
            hint="`nvidia-smi` shows whether there is a GPU and a driver that works"
            if built
            else "pip install torch --index-url https://download.pytorch.org/whl/cu130",
        )


def _need_compiler() -> None:
    if shutil.which(COMPILER) is None:
        raise MissingDependency(
            f"torch compiles for the CPU with a C++ compiler, and there is no {COMPILER}",
            hint="apt install g++",
        )


def _compile_cache() -> str:
    """Whether the compiler found its work done by an earlier process: it loads faster then."""
    from torch._dynamo.utils import counters

    return "hit" if counters["inductor"]["fxgraph_cache_hit"] else "miss"


def _gpu_settings() -> Dict[str, str]:
    major, minor = torch.cuda.get_device_capability()
    return {
        "device_name": str(torch.cuda.get_device_name()),
        "compute_capability": f"{major}.{minor}",
        "cuda": str(torch.version.cuda),
        "cudnn": str(torch.backends.cudnn.version()),
        "cudnn.benchmark": str(torch.backends.cudnn.benchmark),
        "cudnn.tf32": str(torch.backends.cudnn.allow_tf32),
    }


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
COMPILED = Torch(compiled=True)
ON_CUDA = Torch(CUDA)
COMPILED_ON_CUDA = Torch(CUDA, compiled=True)
