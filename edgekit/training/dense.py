"""What each dense head learns: by its own losses, measured by its own decode."""

from __future__ import annotations

from edgekit.models import HEADS
from edgekit.tasks import TASKS
from edgekit.training.boxes import BoxAim
from edgekit.training.masks import MaskAim


def _boxes(head: str) -> BoxAim:
    return BoxAim(HEADS.get(head).losses, TASKS.get(head).decode)


def _masks(head: str) -> MaskAim:
    return MaskAim(HEADS.get(head).losses, TASKS.get(head).decode)


SEGMENT = _masks("segment")
SEGMENT_FPN = _masks("segment-fpn")
DETECT = _boxes("detect")
DETECT_RCNN = _boxes("detect-rcnn")
