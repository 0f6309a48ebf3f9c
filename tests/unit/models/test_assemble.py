import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edgekit.errors import DataError, ToolError, UsageError
from edgekit.models import assemble, network, tracing
from edgekit.records import ModelRequest

RANDOM = ModelRequest("toy", weights="random")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def folder(parent: Path, name: str) -> Path:
    (parent / name).mkdir()
    return parent / name


def images(count: int, size: int = 32) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((count, 3, size, size)).astype(np.float32)


def test_the_spec_says_what_was_built(tmp_path: Path):
    source = assemble.load(RANDOM, tmp_path)
    spec = source.spec
    assert (spec.name, spec.family, spec.backbone, spec.head) == ("toy", "toy", "toy", "classify")
    assert (spec.classes, spec.parameters) == (10, 5562)
    assert [(t.name, t.shape, t.dtype, t.layout) for t in spec.inputs] == [
        ("input", (None, 3, 32, 32), "float32", "NCHW")
    ]
    assert [(t.name, t.shape, t.layout) for t in spec.outputs] == [("logits", (None, 10), "NC")]
    assert source.files == ("model.pt2",)
    assert (tmp_path / "model.pt2").is_file()


@pytest.mark.parametrize("count", [1, 2, 5, 37])
def test_the_trace_gives_what_the_network_gives_at_any_batch(tmp_path: Path, count: int):
    assemble.load(RANDOM, tmp_path)
    net = network.build(RANDOM, "toy", "toy")
    with torch.no_grad():
        expected = net.module(torch.from_numpy(images(count))).numpy()
    (found,) = assemble.reference(tmp_path / "model.pt2", images(count))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert found.dtype == np.float32


def test_embedding(tmp_path: Path):
    source = assemble.load(ModelRequest("toy", head="embed", weights="random"), tmp_path)
    assert source.spec.classes == 0
    assert [(t.name, t.shape) for t in source.spec.outputs] == [("embedding", (None, 48))]
    (found,) = assemble.reference(tmp_path / "model.pt2", images(3))
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_the_trace_holds_no_folder_of_this_machine(tmp_path: Path):
    assemble.load(RANDOM, tmp_path)
    content = (tmp_path / "model.pt2").read_bytes()  # the archive is not compressed
    for folder_ in (tmp_path, Path(tracing.__file__).parent, Path(torch.__file__).parent):
        assert str(folder_).encode() not in content


@pytest.mark.parametrize("name", ["toy", "toy-rep"])
def test_equal_requests_give_equal_bytes(tmp_path: Path, name: str):
    request = ModelRequest(name, weights="random")
    for place in ("one", "two"):
        assemble.load(request, folder(tmp_path, place))
    program = (
        "import sys; from pathlib import Path; from edgekit.models import assemble;"
        "from edgekit.records import ModelRequest;"
        f"assemble.load(ModelRequest({name!r}, weights='random'), Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", program, folder(tmp_path, "three")], check=True)
    digests = {digest(tmp_path / place / "model.pt2") for place in ("one", "two", "three")}
    assert len(digests) == 1


def test_scores_of_the_toy_differ_between_images(tmp_path: Path):
    assemble.load(RANDOM, tmp_path)
    rng = np.random.default_rng(0)
    colours = rng.uniform(-1, 1, (64, 3, 1, 1)).astype(np.float32)
    (scores,) = assemble.reference(tmp_path / "model.pt2", colours + 0.3 * images(64))
    classes = scores.argmax(1)
    assert len(set(classes.tolist())) >= 5


class BatchAsNumber(nn.Module):
    """Computes with the batch size as a plain number, so it can't be traced with a free one."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image.mean((2, 3)).reshape(int(image.shape[0]), 3) * float(image.shape[0])


@pytest.mark.parametrize("batch", [1, 4])
def test_a_batch_that_can_not_be_free_is_fixed(tmp_path: Path, batch: int):
    path = tmp_path / "model.pt2"
    assert tracing.trace(BatchAsNumber().eval(), (8, 8), batch, path) == batch
    (found,) = tracing.run(path, images(6, 8))
    np.testing.assert_allclose(found, images(6, 8).mean((2, 3)) * batch, rtol=1e-4, atol=1e-6)


class Untraceable(nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image if image.sum().item() > 0 else -image


def test_what_can_not_be_traced_is_a_tools_error(tmp_path: Path):
    with pytest.raises(ToolError, match="can't trace"):
        tracing.trace(Untraceable().eval(), (8, 8), 1, tmp_path / "model.pt2")


class Counting(nn.Module):
    """Computes with something that isn't in the program."""

    runs = 0

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        self.runs += 1
        return image.mean((2, 3)) * self.runs


def test_a_trace_that_computes_something_else_is_noticed(tmp_path: Path):
    with pytest.raises(ToolError, match=r"other outputs than the network: \d+ dB"):
        tracing.trace(Counting().eval(), (8, 8), 1, tmp_path / "model.pt2")


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04"])
def test_a_broken_trace_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / "model.pt2"
    path.write_bytes(content)
    with pytest.raises(DataError, match="can't be read as a traced network"):
        assemble.reference(path, images(1))


def test_a_truncated_trace_is_refused(tmp_path: Path):
    assemble.load(RANDOM, tmp_path)
    path = tmp_path / "model.pt2"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match="can't be read as a traced network"):
        assemble.reference(path, images(1))


def test_an_input_that_is_too_small_is_refused(tmp_path: Path):
    request = ModelRequest("timm:vit_tiny_patch16_224", weights="random", input_size=8)
    with pytest.raises(UsageError, match="8x8 pixels") as caught:
        assemble.load(request, tmp_path)
    assert "--input-size" in caught.value.hint


def test_impossible_requests_are_refused_before_anything_is_imported():
    program = (
        "import sys; from pathlib import Path; from edgekit.errors import UsageError;"
        "from edgekit.models import assemble; from edgekit.records import ModelRequest\n"
        "try: assemble.load(ModelRequest('toy', classes=0), Path())\n"
        "except UsageError as error: print(error, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "--classes 0 can't be built False"
