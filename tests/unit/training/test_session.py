import errno
import math
from dataclasses import replace

import pytest
import safetensors.torch
import torch

from edgekit import storage
from edgekit.errors import DataError, ToolError, UsageError
from edgekit.models import loading, network, trained
from edgekit.records import ModelRequest, Weights
from edgekit.training import loop, machine
from edgekit.training.session import _calm


def nothing(_):
    pass


def finished(session, folder, on_step=nothing):
    folder.mkdir(exist_ok=True)
    return session.finish(*session.train(folder, on_step), folder)


class Killed(Exception):  # noqa: N818 -- it reads as what happened
    pass


def killer(epoch):
    def on_step(step):
        if step.epoch > epoch:
            raise Killed

    return on_step


def test_a_network_learns_and_its_file_is_a_plain_network(session, tmp_path):
    result = finished(session(epochs=25, lr=1e-2), tmp_path)
    assert result.score.value == 1.0
    assert result.epochs[-1].loss < result.epochs[0].loss / 4
    net = network.build(ModelRequest("toy", weights=str(tmp_path / result.file)), "toy", "toy")
    assert net.labels == ("blue", "green", "red")
    assert net.weights.trained
    assert net.weights.trained.method == "full"
    assert net.preprocess.size == (16, 16)


def test_weights_say_what_they_learnt_from_in_whatever_training(session, colours, tmp_path):
    first = session(epochs=1)
    result = finished(first, tmp_path / "first")
    path = str(tmp_path / "first" / result.file)
    marks = {storage.mark(each) for each in colours[0].file_digests()}
    assert set(trained.learnt(path)) == marks
    second = session(epochs=1, weights=path)
    second._job = replace(second._job, train=colours[1])  # other images
    result = finished(second, tmp_path / "second")
    more = {storage.mark(each) for each in colours[1].file_digests()}
    assert set(trained.learnt(str(tmp_path / "second" / result.file))) == marks | more
    assert trained.learnt("random") == ()


@pytest.mark.parametrize(
    ("name", "method"), [("toy", "full"), ("toy", "probe"), ("timm:test_efficientnet", "lora")]
)
def test_a_training_that_was_killed_gives_what_it_would_have_given(
    session, tmp_path, name, method
):
    size = 32 if method == "lora" else 16
    whole = finished(session(name, method, size=size), tmp_path / "whole")
    (tmp_path / "killed").mkdir()
    with pytest.raises(Killed):
        session(name, method, size=size).train(tmp_path / "killed", killer(1))
    begun = []
    again = finished(
        session(name, method, size=size),
        tmp_path / "killed",
        lambda step: begun.append(step.epoch),
    )
    assert begun[0] == 2
    assert again.weights.sha256 == whole.weights.sha256
    assert [epoch.losses for epoch in again.epochs] == [epoch.losses for epoch in whole.epochs]


def test_images_are_computed_channels_last_and_weights_end_in_plain_layout(session, tmp_path):
    images, target = machine.here().moved((torch.zeros(2, 3, 8, 8), torch.zeros(2)))
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert target.shape == (2,)
    module, _, _ = session(epochs=1).train(tmp_path, lambda _: None)
    assert all(each.is_contiguous() for each in module.state_dict().values())


def test_another_seed_gives_another_network(session, tmp_path):
    digests = {
        finished(session(seed=seed), tmp_path / str(seed)).weights.sha256 for seed in range(2)
    }
    assert len(digests) == 2


def test_a_training_that_is_done_is_not_done_again(session, tmp_path):
    first = finished(session(), tmp_path)
    steps: list[object] = []
    second = finished(session(), tmp_path, steps.append)
    assert steps == []
    assert second.weights.sha256 == first.weights.sha256
    assert second.score == first.score


def test_a_checkpoint_of_another_training_is_refused(session, tmp_path):
    session().train(tmp_path, nothing)
    with pytest.raises(UsageError, match="is of another training") as caught:
        session(lr=0.5).train(tmp_path, nothing)
    assert "--out" in caught.value.hint


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"no checkpoint at all"])
def test_a_broken_checkpoint_is_said(session, tmp_path, content):
    (tmp_path / "checkpoint.pt").write_bytes(content)
    with pytest.raises(DataError, match="can't be read"):
        session().train(tmp_path, nothing)


def test_a_full_disk_keeps_the_last_checkpoint_and_nothing_half_written(
    session, tmp_path, monkeypatch
):
    def full(_):
        raise OSError(errno.ENOSPC, "no room")

    def on_step(step):
        if step.epoch > 1:
            monkeypatch.setattr("os.fsync", full)

    with pytest.raises(DataError, match="is full"):
        session().train(tmp_path, on_step)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_checkpoint(
    session, tmp_path, monkeypatch
):
    session_ = session(epochs=4)
    right = session_._course.losses
    calls = iter(range(1000))

    def losses(module, images, targets):
        found = right(module, images, targets)
        bad = next(calls) >= 4  # three steps an epoch
        return {name: value * math.nan if bad else value for name, value in found.items()}

    session_._course.losses = losses
    with pytest.raises(
        ToolError, match="epoch 2: the loss became nan in step 2; what epoch 1 gave is kept"
    ) as caught:
        session_.train(tmp_path, nothing)
    assert "--lr" in caught.value.hint
    kept = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert all(bool(value.isfinite().all()) for value in kept["state_dict_ema"].values())
    # As its keys are those of other training programs, `edgekit export --weights` takes it.
    net = network.build(
        ModelRequest("toy", classes=3, weights=str(tmp_path / "checkpoint.pt"), input_size=16),
        "toy",
        "toy",
    )
    assert net.features == 3


def test_a_step_that_ruins_the_weights_is_not_kept(session, tmp_path):
    session_ = session(epochs=2)
    right = session_._course.losses
    calls = iter(range(1000))

    def losses(module, images, targets):
        found = right(module, images, targets)
        if next(calls) == 2:  # the last of three steps
            with torch.no_grad():
                module.classifier.bias[0] = math.inf
        return found

    session_._course.losses = losses
    with pytest.raises(ToolError, match="a weight became infinite; there is no good checkpoint"):
        session_.train(tmp_path, nothing)
    assert not (tmp_path / "checkpoint.pt").exists()


def test_a_probe_changes_the_head_alone(session, tmp_path):
    session_ = session(method="probe", epochs=80, lr=0.1)
    before = {name: value.clone() for name, value in session_._net.module.state_dict().items()}
    result = finished(session_, tmp_path)
    after = safetensors.torch.load_file(tmp_path / result.file)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"classifier.weight", "classifier.bias"}
    assert result.trained_parameters == 48 * 3 + 3
    assert result.score.value > 0.8


@pytest.mark.parametrize("name", ["timm:test_efficientnet", "timm:test_vit"])
def test_lora_trains_little_and_merges_to_the_same(session, tmp_path, name):
    session_ = session(name, "lora", size=160 if "vit" in name else 32)
    before = {
        key.replace(".base_layer", ""): value.clone()
        for key, value in session_._net.module.state_dict().items()
    }
    result = finished(session_, tmp_path)
    assert result.trained_parameters <= 0.05 * result.parameters
    assert result.merge_sqnr_db > 80
    after = safetensors.torch.load_file(tmp_path / result.file)
    changed = {key for key in after if not torch.equal(before[key], after[key])}
    assert any("qkv" in key or "conv_pw" in key for key in changed)
    assert not any("conv_dw" in key or "mlp" in key for key in changed)
    origin = result.weights.trained
    assert origin.adapter_sha256
    known = trained.describe(tmp_path / result.file)
    assert known
    assert known.origin == origin
    net = network.build(ModelRequest(name, weights=str(tmp_path / result.file)), *name.split(":"))
    assert net.weights.trained == origin


def test_a_probe_that_sees_features_can_not_mirror_pictures(session):
    with pytest.raises(UsageError, match="--flip would do nothing") as caught:
        session(method="probe", flip=True)
    assert "full" in caught.value.hint


def test_a_new_head_is_not_rounded_before_it_has_learnt(session, tmp_path):
    new = ("package:lite 1 + random head", "file:a.pth + random neck and head", "random")
    assert all(loading.has_new(Weights(source)) for source in new)
    old = ("package:lite 1", "file:random.pth", "built-in")
    assert not any(loading.has_new(Weights(source)) for source in old)
    with pytest.raises(UsageError, match="these have not: random") as caught:
        session("toy", "qat")
    assert "train first" in caught.value.hint
    first = finished(session(epochs=1), tmp_path / "random")
    path = tmp_path / "random.safetensors"  # its name says nothing
    (tmp_path / "random" / first.file).rename(path)
    session("toy", "qat", weights=str(path))


def test_a_network_with_nothing_to_adapt_is_refused(session):
    with pytest.raises(UsageError, match="neither attention nor pointwise") as caught:
        session("timm:test_convnext", "lora", size=32)
    assert "--method" in caught.value.hint


def test_a_network_too_small_for_adapters_is_refused(session):
    with pytest.raises(UsageError, match=r"LoRA trains 5% at most") as caught:
        session("toy", "lora")
    assert "full" in caught.value.hint


def test_adapters_that_are_not_finite_are_not_merged(session, tmp_path):
    session_ = session("timm:test_efficientnet", "lora", size=32, epochs=1)
    averaged, epochs, score = session_.train(tmp_path, nothing)
    for name, value in averaged.named_parameters():
        if "lora_A" in name:
            value.data.fill_(math.nan)
    with pytest.raises(ToolError, match="an adapter isn't finite"):
        session_.finish(averaged, epochs, score, tmp_path)
    assert not (tmp_path / "model.safetensors").exists()


def test_a_teacher_is_learnt_from(session, tmp_path):
    teacher = finished(session(epochs=25, lr=1e-2), tmp_path / "teacher")
    file = tmp_path / "teacher" / teacher.file
    result = finished(session("toy-rep", teacher=file, size=24), tmp_path / "student")
    assert set(result.epochs[0].losses) == {"cross_entropy", "teacher"}
    assert result.weights.trained.teacher_sha256 == teacher.weights.sha256
    assert result.teacher.sha256 == teacher.weights.sha256


def test_a_teacher_that_edgekit_did_not_train_is_refused(session, tmp_path):
    file = tmp_path / "other.safetensors"
    safetensors.torch.save_file({"a": torch.zeros(1)}, file)
    with pytest.raises(UsageError, match="no classifier that `edgekit train` wrote"):
        session(teacher=file)


@pytest.mark.parametrize("steps", [1, 7, 100])
def test_the_rate_rises_to_its_highest_and_falls_to_nothing(steps):
    rates = [loop.rate(done, steps, 0.1) for done in range(steps)]
    top = rates.index(max(rates))
    assert max(rates) == 1.0
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert min(rates) > 0
    assert rates[-1] < 0.1 or steps < 10


def test_a_new_classifier_begins_with_scores_that_are_nearly_equal():
    # LeViT and RepViT have a norm before the last layer, which must let features through.
    head = torch.nn.Sequential(torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 3))
    whole = torch.nn.Sequential(torch.nn.Linear(4, 8), head)
    first = whole[0].weight.clone()
    names = tuple(name for name, _ in whole.named_parameters() if name.startswith("1."))
    _calm(whole, names)
    assert torch.equal(whole[0].weight, first)
    assert torch.equal(head[0].weight, torch.ones(8))
    assert 0 < float(head[1].weight.detach().abs().max()) < 0.1
    assert not head[1].bias.any()
