"""Two-stage detection: torchvision's Faster R-CNN on any backbone with a pyramid.

Training runs torchvision's own class. What is exported computes the same with fixed sizes: as
many proposals whatever the image, a free batch, and one suppression of duplicates for all images
(Ren et al. 2015, arXiv:1506.01497). Boxes stay outside of what is quantized.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.ops import MultiScaleRoIAlign, nms, roi_align

from edgekit.models import Setting
from edgekit.models.heads import anchors

# Anchors for objects from 10 to 300 pixels: two and three strides of each map, in three shapes.
SIZES = ((16, 24), (32, 48), (64, 96), (128, 192))
SHAPES = (0.5, 1.0, 2.0)
POOLED, SAMPLES, HIDDEN = 7, 2, 256
# Proposals of each map that are looked at, and of all maps that go into the second stage.
BEFORE, AFTER = 256, 100
# Anchors and proposals of an image that are learnt from. torchvision's 512 proposals are for
# photos of 800 pixels: at the sizes of edge devices, the second stage would take far longer to
# train than backbone and neck.
ANCHORS_LEARNT, PROPOSALS_LEARNT = 128, 64


class Maps(nn.Module):
    """A body as torchvision's detectors want theirs: named maps, and one coarser one.

    Args:
        body: Backbone and neck.
        width: Channels of each map.
    """

    def __init__(self, body: nn.Module, width: int) -> None:
        super().__init__()
        self.body = body
        self.out_channels = width

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        """Maps by name, the finest first."""
        maps: list[torch.Tensor] = list(self.body(image))
        maps.append(nn.functional.max_pool2d(maps[-1], 1, 2))
        return OrderedDict((str(index), one) for index, one in enumerate(maps))


class TwoStage(nn.Module):
    """A torchvision Faster R-CNN for one size of input, without its resizing and its last step.

    Args:
        detector: The Faster R-CNN.
        size: Height and width of the input, in pixels.
    """

    anchors: torch.Tensor

    def __init__(self, detector: Any, size: tuple[int, int]) -> None:
        super().__init__()
        self.detector = detector
        self.size = size
        with torch.no_grad():
            maps = list(detector.eval().backbone(torch.zeros(1, 3, *size)).values())
        found = anchors.fixed(detector.rpn.anchor_generator, maps, size)
        self.register_buffer("anchors", found, persistent=False)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """`boxes` (N, R, classes, 4), in pixels, and `scores` (N, R, classes), from 0 to 1."""
        maps = self.detector.backbone(image)
        proposals, are_there = self.propose(list(maps.values()))
        heads = self.detector.roi_heads
        rows = heads.box_head(self.pool(maps, proposals))
        logits, offsets = heads.box_predictor(rows)
        batch = (-1, proposals.shape[1], logits.shape[-1])
        weights = heads.box_coder.weights
        boxes = anchors.to_boxes(offsets.reshape(*batch, 4), proposals[:, :, None], weights)
        scores = torch.softmax(logits, dim=-1).reshape(batch) * are_there[..., None]
        # The first class is the background.
        return anchors.clip(boxes[:, :, 1:], self.size), scores[..., 1:]

    def propose(self, maps: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """The surest boxes of the first stage, (N, R, 4), and which are no fillings: (N, R)."""
        rpn = self.detector.rpn
        logits, offsets = rpn.head(maps)
        count = maps[0].shape[0]
        sure = [one.permute(0, 2, 3, 1).reshape(count, -1) for one in logits]
        reach = [
            one.reshape(count, -1, 4, *one.shape[2:]).permute(0, 3, 4, 1, 2).reshape(count, -1, 4)
            for one in offsets
        ]
        kept_sure, kept_boxes, levels, start = [], [], [], 0
        for level, (score, offset) in enumerate(zip(sure, reach, strict=True)):
            total = score.shape[1]
            best, index = score.topk(min(rpn.pre_nms_top_n(), total), dim=1)
            own = self.anchors[start : start + total]
            boxes = anchors.to_boxes(
                offset.gather(1, index[..., None].expand(-1, -1, 4)),
                own[index],
                rpn.box_coder.weights,
            )
            kept_sure.append(best)
            kept_boxes.append(anchors.clip(boxes, self.size))
            levels.append(torch.full((best.shape[1],), float(level), device=best.device))
            start += total
        every = torch.cat(kept_boxes, dim=1)
        probable = torch.cat(kept_sure, dim=1).sigmoid()
        probable = (
            probable * (probable >= rpn.score_thresh) * anchors.are_boxes(every, rpn.min_size)
        )
        stays = staying(every, probable, torch.cat(levels).expand_as(probable), rpn.nms_thresh)
        most = min(rpn.post_nms_top_n(), every.shape[1])
        score, index = (probable * stays).topk(most, dim=1)
        return every.gather(1, index[..., None].expand(-1, -1, 4)), (score > 0).float()

    def pool(self, maps: Mapping[str, torch.Tensor], proposals: torch.Tensor) -> torch.Tensor:
        """What the second stage looks at: (N * R, channels, POOLED, POOLED).

        Each box is cut out of the map that fits its size; since sizes are fixed, out of each map,
        and the others count as zero.
        """
        pooler = self.detector.roi_heads.box_roi_pool
        count, most, _ = proposals.shape
        flat = proposals.reshape(-1, 4)
        owner = torch.arange(count, device=flat.device)[:, None].expand(count, most).reshape(-1, 1)
        rois = torch.cat([owner.to(flat.dtype), flat], dim=1)
        used = [one for name, one in maps.items() if name in pooler.featmap_names]
        strides = [self.size[0] // one.shape[2] for one in used]
        level = _level(flat, pooler, strides)
        total = torch.zeros((), device=flat.device)
        for index, (one, stride) in enumerate(zip(used, strides, strict=True)):
            cut = roi_align(one, rois, pooler.output_size, 1 / stride, pooler.sampling_ratio)
            total = total + cut * (level == index).to(cut.dtype)[:, None, None, None]
        return total


def _level(boxes: torch.Tensor, pooler: Any, strides: Sequence[int]) -> torch.Tensor:
    """Which map each of `boxes` (M, 4) is cut out of (Lin et al. 2017, equation 1)."""
    edges = ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).clamp(min=0).sqrt()
    first = strides[0].bit_length() - 1
    ideal = pooler.canonical_level + torch.log2(edges / pooler.canonical_scale + 1e-8) + 1e-6
    last = strides[-1].bit_length() - 1
    return ideal.floor().clamp(first, last) - first


def staying(
    boxes: torch.Tensor, scores: torch.Tensor, groups: torch.Tensor, most_overlap: float
) -> torch.Tensor:
    """Which boxes stay when duplicates go, within each group of each image: (N, M), 1 or 0.

    All images and groups in one greedy suppression: each group is moved to where it meets no
    other, as torchvision's `batched_nms` does it.

    Args:
        boxes: Shape (N, M, 4), in pixels, none below zero.
        scores: Shape (N, M).
        groups: Shape (N, M): numbers from 0 on.
        most_overlap: Of two boxes that overlap by more, the less sure one goes.
    """
    count, most = scores.shape
    owner = torch.arange(count, device=boxes.device, dtype=boxes.dtype)[:, None]
    place = (owner * (groups.max() + 1) + groups) * (boxes.max() + 1)
    moved = (boxes + place[..., None]).reshape(-1, 4)
    stays = nms(moved, scores.reshape(-1), most_overlap)
    flags = torch.zeros_like(scores.reshape(-1)).scatter(0, stays, torch.ones_like(stays).float())
    return flags.reshape(count, most)


@dataclass(frozen=True)
class Rcnn:
    """The two-stage head."""

    outputs: tuple[str, ...] = ("boxes", "scores")
    embed: bool = False
    necks: tuple[str, ...] = ("fpn", "pan")

    def attach(self, module: nn.Module, setting: Setting | None = None) -> nn.Module:
        """`module` with the head on its maps; a whole Faster R-CNN for fixed sizes."""
        if setting is None:
            raise ValueError("the two-stage head is built for a size")
        detector = module if isinstance(module, FasterRCNN) else _detector(module, setting)
        return TwoStage(detector, setting.size)

    def losses(
        self, module: Any, images: torch.Tensor, targets: Sequence[Mapping[str, torch.Tensor]]
    ) -> dict[str, torch.Tensor]:
        """Torchvision's four losses.

        Args:
            module: What `attach` gave, in training mode.
            images: Shape (N, 3, H, W).
            targets: For each image `boxes` (G, 4), in pixels, and `labels` (G,), from 0 on.
        """
        found: dict[str, torch.Tensor] = module.detector(
            list(images), [{"boxes": t["boxes"], "labels": t["labels"] + 1} for t in targets]
        )
        return found


def _detector(body: nn.Module, setting: Setting) -> Any:
    names = [str(index) for index in range(len(setting.channels))]
    return FasterRCNN(
        Maps(body, setting.channels[0]),
        num_classes=None,
        # Images come in their size, and normalized.
        image_mean=[0.0] * 3,
        image_std=[1.0] * 3,
        min_size=min(setting.size),
        max_size=max(setting.size),
        rpn_anchor_generator=AnchorGenerator(SIZES, (SHAPES,) * len(SIZES)),
        rpn_pre_nms_top_n_train=BEFORE,
        rpn_pre_nms_top_n_test=BEFORE,
        rpn_post_nms_top_n_train=AFTER,
        rpn_post_nms_top_n_test=AFTER,
        rpn_batch_size_per_image=ANCHORS_LEARNT,
        box_roi_pool=MultiScaleRoIAlign(names, POOLED, SAMPLES),
        box_head=TwoMLPHead(setting.channels[0] * POOLED**2, HIDDEN),
        box_predictor=FastRCNNPredictor(HIDDEN, setting.classes + 1),
        box_batch_size_per_image=PROPOSALS_LEARNT,
        _skip_resize=True,
    )


RCNN = Rcnn()
