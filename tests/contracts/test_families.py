"""What every model family promises."""

import pytest
import torch

from edgekit.models import FAMILIES
from edgekit.records import Preprocess

# One small backbone of each family. A family without a line here fails: that is its reminder.
SMALL = {"toy": "toy", "timm": "mobilenetv3_small_050", "torchvision": "mobilenet_v3_small"}
# These are no backbones: `tests/unit/models/test_detectors.py` has what they promise.
WHOLE = {"detectors"}
MODES = {"center", "squash", "border"}

families = pytest.mark.parametrize(
    "name", [name for name in FAMILIES.names() if name not in WHOLE]
)


@families
def test_names_are_exact_sorted_and_match(name: str) -> None:
    family = FAMILIES.get(name)
    assert SMALL[name] in family.names("*")
    assert family.names("*") == sorted(set(family.names("*")))
    assert family.names(SMALL[name]) == [SMALL[name]]
    assert family.names("no such network") == []


@families
@pytest.mark.parametrize("classes", [1, 7])
def test_builds_with_as_many_classes_as_asked(name: str, classes: int) -> None:
    net = FAMILIES.get(name).build(SMALL[name], classes=classes, embed=False, input_size=None)
    height, width = net.preprocess.size
    with torch.no_grad():
        assert net.module.eval()(torch.zeros(2, 3, height, width)).shape == (2, classes)
    assert net.labels == ()


@families
def test_embedding_keeps_the_names_of_the_whole_backbone(name: str) -> None:
    family = FAMILIES.get(name)
    whole = family.build(SMALL[name], classes=None, embed=False, input_size=None)
    pooled = family.build(SMALL[name], classes=None, embed=True, input_size=None)
    assert pooled.module.state_dict().keys() < whole.module.state_dict().keys()
    height, width = pooled.preprocess.size
    with torch.no_grad():
        assert pooled.module.eval()(torch.zeros(2, 3, height, width)).ndim == 2


@families
@pytest.mark.parametrize("size", [None, 64])
def test_preprocess_is_complete(name: str, size: int | None) -> None:
    net = FAMILIES.get(name).build(SMALL[name], classes=None, embed=False, input_size=size)
    found = net.preprocess
    assert isinstance(found, Preprocess)
    assert size is None or found.size == (size, size)
    assert all(resize >= own for resize, own in zip(found.resize, found.size, strict=True))
    assert found.mode in MODES
    assert len(found.mean) == len(found.std) == 3
    assert all(type(value) is float for value in (*found.mean, *found.std))


@families
def test_labels_are_one_for_each_class(name: str) -> None:
    net = FAMILIES.get(name).build(SMALL[name], classes=None, embed=False, input_size=None)
    height, width = net.preprocess.size
    with torch.no_grad():
        outputs = net.module.eval()(torch.zeros(2, 3, height, width))
    assert len(net.labels) in {0, outputs.shape[1]}


@families
def test_hub_names_a_source_without_using_the_network(name: str) -> None:
    hub = FAMILIES.get(name).hub(SMALL[name])
    assert hub is None or hub.id
