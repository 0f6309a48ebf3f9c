"""The rules by which an operator between quantizers is int8, without any framework."""

from edgekit.graphs.dataflow import Node, operators


def quantizer(name, source, *, op="FakeQuantize"):
    return Node(name, op, (source,), (name,), "int8", 0, quantizes=True, dequantizes=True)


def compute(name, *sources, carries=False, fused=False):
    return Node(name, "Op", sources, (name,), "fp32", 0, carries=carries, fused=fused)


def precisions(nodes, constants=()):
    return {op.name: op.precision for op in operators(nodes, constants)}


def test_int8_where_all_it_reads_is_eight_bit():
    nodes = [quantizer("q", "in"), compute("conv", "q", "w"), compute("add", "q", "in")]
    assert precisions(nodes, ["w"]) == {"q": "int8", "conv": "int8", "add": "fp32"}


def test_eight_bit_weights_alone_are_storage():
    assert precisions([compute("conv", "in", "w")], ["w"]) == {"conv": "fp32"}


def test_a_lookup_in_an_eight_bit_table_is_storage_and_so_is_what_follows():
    nodes = [compute("gather", "table", carries=True), compute("norm", "gather")]
    assert precisions(nodes, ["table"]) == {"gather": "fp32", "norm": "fp32"}


def test_a_bound_between_an_int8_kernel_and_a_quantizer_is_int8():
    nodes = [
        quantizer("q", "in"),
        compute("conv", "q", "w"),
        compute("clip", "conv", carries=True),
        compute("reshape", "clip", carries=True),
        quantizer("q2", "reshape"),
    ]
    found = precisions(nodes, ["w"])
    assert found["clip"] == found["reshape"] == "int8"


def test_a_bound_that_something_in_float_reads_too_is_float():
    nodes = [
        quantizer("q", "in"),
        compute("conv", "q", "w"),
        compute("clip", "conv", carries=True),
        quantizer("q2", "clip"),
        compute("other", "clip"),
    ]
    found = precisions(nodes, ["w"])
    assert found["conv"] == "int8"
    assert found["clip"] == found["other"] == "fp32"


def test_a_bound_before_the_first_quantizer_is_float():
    assert precisions([compute("t", "in", carries=True), quantizer("q", "t")])["t"] == "fp32"


def test_eight_bits_stay_eight_bits_through_what_moves_them():
    nodes = [
        quantizer("q", "in"),
        compute("transpose", "q", carries=True),
        compute("matmul", "transpose", "w"),
        compute("softmax", "matmul"),
    ]
    found = precisions(nodes, ["w"])
    assert found == {"q": "int8", "transpose": "int8", "matmul": "int8", "softmax": "fp32"}


def test_a_bias_is_what_it_is_added_to():
    nodes = [
        quantizer("q", "in"),
        compute("matmul", "q", "w"),
        compute("bias", "matmul", fused=True),
        compute("float matmul", "in", "w"),
        compute("float bias", "float matmul", fused=True),
    ]
    found = precisions(nodes, ["w"])
    assert found["bias"] == "int8"
    assert found["float bias"] == "fp32"


def test_an_operator_that_reads_nothing_is_what_it_makes():
    assert precisions([Node("range", "Range", (), ("r",), "int64", 0)]) == {"range": "int64"}
