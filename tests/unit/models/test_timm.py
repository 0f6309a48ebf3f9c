import pytest
import timm
import timm.data
import torch
from PIL import Image
from torchvision import transforms

from edgekit.models import FAMILIES

# Every crop mode, square and not, with and without a share that is cropped.
BACKBONES = [
    "tf_efficientnet_lite0",
    "vit_tiny_patch16_224",
    "mobilenetv4_conv_small.e2400_r224_in1k",
    "fastvit_t8",
    "efficientformerv2_s0",
    "convnext_tiny.in12k_ft_in1k_384",
]


def build(backbone, **options):
    return FAMILIES.get("timm").build(
        backbone, **{"classes": None, "embed": False, "input_size": None, **options}
    )


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("size", [None, 160])
def test_preprocess_is_that_of_timms_own_transform(backbone, size):
    found = build(backbone, input_size=size).preprocess
    config = timm.data.resolve_data_config(
        {"img_size": size} if size else {},
        pretrained_cfg=timm.get_pretrained_cfg(backbone).to_dict(),
    )
    transform = timm.data.create_transform(**config)
    photo = Image.new("RGB", (640, 480), (10, 200, 90))
    own = transform(photo)
    assert own.shape == (3, *found.size)
    resize, crop = transform.transforms[:2]
    edge = resize.size if isinstance(resize.size, int) else resize.size[0]
    assert edge == found.resize[0]
    assert resize.interpolation.value == found.interpolation
    assert tuple(crop.size) == found.size
    norm = next(step for step in transform.transforms if isinstance(step, transforms.Normalize))
    assert torch.equal(norm.mean, torch.tensor(found.mean))
    assert torch.equal(norm.std, torch.tensor(found.std))
    assert (found.mode == "squash") == (not isinstance(resize.size, int))


def test_an_input_size_is_built_in_where_the_network_fixes_it():
    module = build("vit_tiny_patch16_224", input_size=160).module.eval()
    with torch.no_grad():
        assert module(torch.zeros(1, 3, 160, 160)).shape == (1, 1000)


def test_labels_are_imagenets_in_order():
    labels = build("mobilenetv3_small_050").labels
    assert len(labels) == 1000
    assert labels[0].startswith("tench")
    assert labels[999].startswith("toilet tissue")
    assert build("tiny_vit_5m_224.dist_in22k").labels == ()
