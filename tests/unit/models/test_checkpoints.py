import os
import pickle
from pathlib import Path

import pytest
import safetensors.torch
import torch

from edgekit.errors import DataError
from edgekit.models import checkpoints

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.zeros(2)}


def save(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": state},
        lambda state: {"state_dict": {}, "state_dict_ema": state},
        lambda state: {f"module.{name}": value for name, value in state.items()},
    ],
)
def test_reads_the_usual_ways_of_saving(tmp_path: Path, wrap):
    state = checkpoints.read(save(tmp_path / "w.pth", wrap(STATE)))
    assert state.keys() == STATE.keys()
    assert torch.equal(state["a.weight"], STATE["a.weight"])


def test_reads_safetensors(tmp_path: Path):
    safetensors.torch.save_file(STATE, tmp_path / "w.safetensors")
    assert checkpoints.read(tmp_path / "w.safetensors").keys() == STATE.keys()


class Code:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return os.system, (f"touch {self.trace}",)


@pytest.mark.parametrize("kind", ["zip", "legacy", "pickle"])
def test_code_is_refused_and_never_run(tmp_path: Path, kind):
    trace, path = tmp_path / "ran", tmp_path / "w.pth"
    if kind == "pickle":
        path.write_bytes(pickle.dumps({"a": Code(trace)}, protocol=2))
    else:
        torch.save({"a": Code(trace)}, path, _use_new_zipfile_serialization=kind == "zip")
    with pytest.raises(
        DataError, match=r"no code in it was run: it asks for posix\.system"
    ) as caught:
        checkpoints.read(path)
    assert "safetensors" in caught.value.hint
    assert not trace.exists()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, suffix, share):
    path = tmp_path / f"w{suffix}"
    if suffix == ".pth":
        torch.save(STATE, path)
    else:
        safetensors.torch.save_file(STATE, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DataError, match="can't be read as a checkpoint"):
        checkpoints.read(path)


@pytest.mark.parametrize(
    "content", [b"hello world", bytes(1000), b"\x80\x02garbage", b"PK\x03\x04"]
)
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, content):
    path = tmp_path / "w.pth"
    path.write_bytes(content)
    with pytest.raises(DataError):
        checkpoints.read(path)


@pytest.mark.parametrize("content", [[1, 2], {}, {"epoch": 3}, torch.zeros(3), {"state_dict": {}}])
def test_a_file_without_a_state_dict_is_refused(tmp_path: Path, content):
    with pytest.raises(DataError, match=r"no state dict|more than tensors"):
        checkpoints.read(save(tmp_path / "w.pth", content))


def test_torchs_advice_to_load_unsafely_reaches_nobody(tmp_path: Path):
    path = save(tmp_path / "w.pth", {"a": Code(tmp_path / "ran")})
    with pytest.raises(DataError) as caught:
        checkpoints.read(path)
    assert "weights_only" not in str(caught.value) + caught.value.hint


def test_differences_are_named_and_counters_are_none():
    expected = {"a": torch.zeros(2), "b": torch.zeros(3), "n.num_batches_tracked": torch.tensor(1)}
    assert checkpoints.differences({"a": torch.zeros(4), "c": torch.zeros(1)}, expected) == [
        "missing: b [3]",
        "unexpected: c [1]",
        "wrong shape: a is [4], should be [2]",
    ]
    assert checkpoints.listing([f"l{i}" for i in range(13)]).endswith("l9\n  ... and 3 more")


@pytest.mark.parametrize("name", ["none.pth", "none.safetensors"])
def test_a_file_that_can_not_be_opened_is_a_data_error(tmp_path, name):
    with pytest.raises(DataError, match=f"{name} can't be read"):
        checkpoints.read(tmp_path / name)
