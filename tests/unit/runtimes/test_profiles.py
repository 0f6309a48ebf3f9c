"""What is read from the runtimes' own profiles, on pieces of recorded ones."""

from __future__ import annotations

from functools import partial
from typing import Any

from edgekit.runtimes import onnxtrace, openvinograph, torchtrace
from edgekit.runtimes.specs import LEAST_PROFILED_RUNS, PROFILED_RUNS, run_some
from edgekit.wire import Op
from tests.fakes import Clock

NS = 1_000_000_000


def _kernel(name: str, op: str, index: int, dur: int, *types: str) -> dict[str, Any]:
    """One event of ONNX Runtime 1.23's trace, without what nobody reads."""
    return {
        "cat": "Node",
        "name": f"{name}_kernel_time",
        "dur": dur,
        "args": {
            "op_name": op,
            "node_index": str(index),
            "input_type_shape": [{kind: [1, 3]} for kind in types],
            "output_type_shape": [{"float": [1, 3]}],
            "provider": "CPUExecutionProvider",
        },
    }


def _run(slowness: int) -> list[dict[str, Any]]:
    return [
        {"cat": "Session", "name": "model_run", "dur": 999, "args": {}},
        _kernel("q", "QuantizeLinear", 0, 3 * slowness, "float", "float", "uint8"),
        _kernel("c1", "QLinearConv", 1, 50 * slowness, "uint8", "float", "uint8", "int8"),
        _kernel("c2", "QLinearConv", 2, 30 * slowness, "uint8", "float", "uint8", "int8"),
        _kernel("m", "DynamicQuantizeMatMul", 3, 7 * slowness, "float", "int8"),
        _kernel("t", "Transpose", 4, 2 * slowness, "uint8"),
        _kernel("r", "ReduceMean", 5, 4 * slowness, "float", "int64"),
        _kernel("h", "Conv", 6, 9 * slowness, "float16", "float16"),
        _kernel("i", "ReorderInput", 7, 1 * slowness, "float"),
    ]


def test_a_trace_of_onnxruntime() -> None:
    # The first run is ten times as slow, and doesn't count.
    found = onnxtrace.ops_of([*_run(10), *_run(1), *_run(1)], runs=3)
    assert found == [
        Op("q", "QuantizeLinear", "int8", "CPU", "", 3_000, conversion=True),
        Op("c1", "QLinearConv", "int8", "CPU", "", 50_000),
        Op("c2", "QLinearConv", "int8", "CPU", "", 30_000),
        Op("m", "DynamicQuantizeMatMul", "int8", "CPU", "", 7_000),
        Op("t", "Transpose", "int8", "CPU", "", 2_000),
        Op("r", "ReduceMean", "fp32", "CPU", "", 4_000),
        Op("h", "Conv", "fp16", "CPU", "", 9_000),
        Op("i", "ReorderInput", "fp32", "CPU", "", 1_000, conversion=True),
    ]


def test_a_kernel_in_a_loop_counts_once_and_takes_all_its_time() -> None:
    body = [_kernel("b", "Add", 3, 2, "float")] * 5
    assert onnxtrace.ops_of(body * 2, runs=2) == [Op("b", "Add", "fp32", "CPU", "", 10_000)]


def test_what_onnxruntime_only_started_has_no_time() -> None:
    event = _kernel("c", "Conv", 0, 12, "float")
    event["args"]["provider"] = "CUDAExecutionProvider"
    assert onnxtrace.ops_of([event], runs=1) == [Op("c", "Conv", "fp32", "CUDA", "", None)]


def _node(layer: str, kernel: str, micros: str, out: str, made_of: str) -> dict[str, str]:
    return {
        openvinograph.NAME: f"its {layer}",
        "layerType": layer,
        "primitiveType": kernel,
        "execTimeMcs": micros,
        "outputPrecisions": out,
        "originalLayersNames": made_of,
        "runtimePrecision": "f32",
    }


def test_the_graph_that_openvino_executes() -> None:
    kinds = {
        "x/fq": "FakeQuantize",
        "conv": "Convolution",
        "c1": "Convert",
        "s1": "Subtract",
        "m1": "Multiply",
        "add": "Add",
        "fq2": "FakeQuantize",
    }
    found = openvinograph.ops_of(
        [
            _node("Input", "unknown_f32", "not_executed", "f32", "x"),
            _node("Const", "unknown_i8", "not_executed", "i8", "w"),
            _node("Reshape", "unknown_f32", "not_executed", "f32", "shape"),
            _node("Subgraph", "jit_avx2_f32", "79", "u8", "x/fq"),
            _node("Reorder", "jit_uni_I8", "60", "u8", ""),
            _node("Convolution", "jit_avx2_I8", "410", "u8", "conv"),
            _node("Subgraph", "jit_avx2_I8", "16", "f32", "c1,s1,m1"),
            # It adds, in float, and quantizes what comes out: an operator that computes in float.
            _node("Subgraph", "jit_avx2_f32", "5", "u8", "add,fq2"),
            _node("MatMul", "brgemm_avx512_bf16", "7", "f32", "mm"),
        ],
        kinds,
    )
    assert [(op.op, op.precision, op.kernel, op.time_ns, op.conversion) for op in found] == [
        ("Subgraph", "fp32", "jit_avx2_f32", 79_000, True),
        ("Reorder", "int8", "jit_uni_I8", 60_000, True),
        ("Convolution", "int8", "jit_avx2_I8", 410_000, False),
        ("Subgraph", "int8", "jit_avx2_I8", 16_000, True),
        ("Subgraph", "fp32", "jit_avx2_f32", 5_000, False),
        ("MatMul", "bf16", "brgemm_avx512_bf16", 7_000, False),
    ]
    assert [op.name for op in found] == [f"its {op.op}" for op in found]
    assert {op.unit for op in found} == {"CPU"}


def _call(name: str, at: float, dur: float, number: int, *types: str, **more: Any) -> Any:
    """One event of the trace of torch 2.14, without what nobody reads."""
    return {
        "ph": "X",
        "cat": "cpu_op",
        "name": name,
        "ts": at,
        "dur": dur,
        "tid": 1,
        "args": {"External id": number, **({"Input type": list(types)} if types else {})},
        **more,
    }


def _torch_run(at: float, slowness: float) -> list[Any]:
    return [
        _call(torchtrace.RUN, at, 90, 1, cat="user_annotation"),
        _call("Torch-Compiled Region: 0/0", at + 1, 80, 2),
        _call("aten::conv2d", at + 2, 30 * slowness, 3, "c10::Half", "c10::Half", "ScalarList"),
        _call("aten::cudnn_convolution", at + 3, 20, 4, "c10::Half"),
        _call("graph_0_cpp_fused_relu_3", at + 50, 4 * slowness, 5),
        _call("aten::_to_copy", at + 60, 2, 6, "ScalarList", "long int"),
        # Another thread's, and one after the inference.
        _call("aten::add", at + 55, 2, 7, "float", tid=2),
        _call("aten::copy_", at + 95, 2, 8, "float"),
    ]


def test_a_trace_of_torch() -> None:
    # The first inference allocated something, the second was slow.
    first = [*_torch_run(0, 1), _call("aten::empty", 40, 1, 9)]
    events = [{"ph": "M", "name": "process_name"}, *first]
    events += [*_torch_run(100, 1.5), *_torch_run(200, 1), *_torch_run(300, 1)]
    assert torchtrace.ops_of(events, "CPU", "fp16") == [
        Op("conv2d#0", "conv2d", "fp16", "CPU", "", 30_000),
        Op("graph_0_cpp_fused_relu_3#1", "cpp_fused_relu", "fp16", "CPU", "", 4_000),
        Op("_to_copy#2", "_to_copy", "int64", "CPU", "", 2_000, conversion=True),
    ]


def test_on_a_gpu_an_operator_takes_what_its_kernels_take() -> None:
    def kernel(name: str, dur: float, number: int) -> Any:
        return _call(name, 500, dur, number, cat="kernel", tid=7)

    kernels = [kernel("implicit_gemm", 11, 4), kernel("transpose", 3, 3), kernel("relu_0", 2, 5)]
    found = torchtrace.ops_of([*_torch_run(0, 1), *kernels], "CUDA", "fp16")
    assert [(op.op, op.kernel, op.time_ns) for op in found] == [
        ("conv2d", "implicit_gemm", 14_000),
        ("cpp_fused_relu", "relu_0", 2_000),
        ("_to_copy", "", 0),
    ]


def test_a_profile_takes_some_runs_of_a_fast_model_and_few_of_a_slow_one() -> None:
    for duration_ns, expected in ((1, PROFILED_RUNS), (2 * NS, LEAST_PROFILED_RUNS)):
        clock = Clock()
        run = partial(clock.after(duration_ns), {})
        assert run_some(run, clock) == expected
