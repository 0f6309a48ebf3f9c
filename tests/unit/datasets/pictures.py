"""Small sets of images on disk, for tests of what reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def picture(path: Path, seed: int = 0, size: tuple[int, int] = (12, 10)) -> Path:
    """Writes noise that follows from `seed`; `size` is width and height."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(values).save(path)
    return path


def class_folders(root: Path, counts: Mapping[str, int]) -> Path:
    """One folder a class, with as many different images."""
    seed = 0
    for name, count in counts.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            seed += 1
            picture(root / name / f"{index}.png", seed)
    return root


def coco(
    root: Path,
    annotations: Sequence[Mapping[str, Any]],
    names: Sequence[str] = ("cat", "dog"),
    images: int = 2,
) -> Path:
    """COCO's file beside images of 12 x 10 pixels; images and categories are counted from 1."""
    listed = []
    for index in range(1, images + 1):
        picture(root / f"{index}.png", index)
        listed.append({"id": index, "file_name": f"{index}.png", "width": 12, "height": 10})
    categories = [{"id": place, "name": name} for place, name in enumerate(names, 1)]
    content = {"images": listed, "categories": categories, "annotations": list(annotations)}
    (root / "annotations.json").write_text(json.dumps(content))
    return root


def box(image: int, category: int, *bbox: float, **more: Any) -> dict[str, Any]:
    """One annotation: left, top, width, height."""
    return {"image_id": image, "category_id": category, "bbox": bbox, **more}


def mask(path: Path, values: Any) -> Path:
    """Writes a mask of these values."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(values, np.uint8)).save(path)
    return path
