import pytest
import torch
from torchvision import models

from edgekit.errors import UsageError
from edgekit.models import FAMILIES

SQUEEZE = "squeezenet1_1"  # its classifier is a convolution


def build(backbone, **options):
    return FAMILIES.get("torchvision").build(
        backbone, **{"classes": None, "embed": False, "input_size": None, **options}
    )


@pytest.mark.parametrize("backbone", ["mobilenet_v2", "efficientnet_b1", SQUEEZE])
def test_preprocess_is_that_of_the_weights(backbone):
    found = build(backbone).preprocess
    own = models.get_model_weights(backbone).DEFAULT.transforms()
    assert found.size == (own.crop_size[0],) * 2
    assert found.resize == (own.resize_size[0],) * 2
    assert found.interpolation == own.interpolation.value
    assert (list(found.mean), list(found.std)) == (own.mean, own.std)


def test_another_input_size_keeps_the_share_that_is_cropped():
    assert build("mobilenet_v3_small", input_size=112).preprocess.resize == (128, 128)


@pytest.mark.parametrize(
    ("backbone", "values"), [(SQUEEZE, 512), ("resnet18", 512), ("mobilenet_v3_small", 1024)]
)
def test_embeds_what_the_last_layer_takes(backbone, values):
    module = build(backbone, embed=True).module.eval()
    with torch.no_grad():
        assert module(torch.zeros(2, 3, 64, 64)).shape == (2, values)


def test_inceptions_normalize_inside_as_their_weights_expect():
    module = build("googlenet").module
    assert module.transform_input
    assert module.aux1 is None


@pytest.mark.parametrize("backbone", ["vit_b_32", "maxvit_t"])
def test_sizes_that_do_not_divide_are_refused(backbone):
    with pytest.raises(UsageError, match=backbone) as caught:
        build(backbone, input_size=100)
    assert "--input-size" in caught.value.hint


def test_labels_are_the_weights_own():
    labels = build("mobilenet_v3_small").labels
    assert (labels[0], len(labels)) == ("tench", 1000)
