"""Pictures as a network sees them, with their targets: a data set for torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from PIL import Image
from torch.utils.data import DataLoader

from edgekit.datasets.items import Dataset
from edgekit.records import Preprocess
from edgekit.training import Aim

# Processes that prepare pictures for a GPU. On a CPU they would take cores from the network.
_MOST_WORKERS = 8

Augment = Callable[[torch.Tensor, Any], tuple[torch.Tensor, Any]]
Collate = Callable[[list[Any]], Any]
# From raw outputs of a batch, as arrays, and the input's (height, width) to what each image has.
Decode = Callable[[Any, tuple[int, int]], Sequence[Any]]


class Views(torch.utils.data.Dataset):
    """Each picture placed as the files that are made later want it, augmented, normalized.

    Args:
        dataset: The pictures.
        preprocess: How a picture becomes the input.
        aim: What is learnt from them.
        augment: What changes a picture and its target together; None to leave them.
    """

    def __init__(
        self, dataset: Dataset, preprocess: Preprocess, aim: Aim, augment: Augment | None = None
    ) -> None:
        self.dataset = dataset
        self.preprocess = preprocess
        self._aim = aim
        self._augment = augment
        self._mean = torch.tensor(preprocess.mean)[:, None, None]
        self._std = torch.tensor(preprocess.std)[:, None, None]

    def plain(self) -> Views:
        """The same without augmentation."""
        return Views(self.dataset, self.preprocess, self._aim)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, Any]:
        """Input (3, H, W), float32, and target."""
        picture, right = self.dataset[index]
        placed, target = self._aim.place(self.preprocess, Image.fromarray(picture), right)
        image = torch.tensor(placed).permute(2, 0, 1)
        if self._augment is not None:
            image, target = self._augment(image, target)
        return (image / 255.0 - self._mean) / self._std, target


def batches(
    dataset: Any, size: int, collate: Collate, device: torch.device, seed: int | None = None
) -> DataLoader:
    """Batches of (inputs, targets).

    Args:
        dataset: What they are taken from.
        size: Samples in each.
        collate: What makes one of the targets of a batch.
        device: The device that they are for.
        seed: Seed of their order; None to keep the order.
    """
    shuffled = seed is not None
    workers = min(_MOST_WORKERS, os.cpu_count() or 1) if device.type == "cuda" else 0
    return DataLoader(
        dataset,
        batch_size=size,
        shuffle=shuffled,
        # A last batch of one picture has no spread that norms could take.
        drop_last=shuffled and len(dataset) > size,
        num_workers=workers,
        pin_memory=device.type == "cuda",
        generator=torch.Generator().manual_seed(seed) if seed is not None else None,
        collate_fn=_Collated(collate),
    )


class _Collated:
    """Stacks inputs and leaves the targets to the aim. A class, since workers get it by pickle."""

    def __init__(self, collate: Collate) -> None:
        self._collate = collate

    def __call__(self, samples: list[tuple[torch.Tensor, Any]]) -> tuple[torch.Tensor, Any]:
        inputs, targets = zip(*samples, strict=True)
        return torch.stack(inputs), self._collate(list(targets))


def decoded(decode: Decode, outputs: Iterable[Any], views: Views) -> Iterator[Any]:
    """What a network finds in each picture of `views`, of its raw outputs batch by batch."""
    for output in outputs:
        yield from decode([part.numpy() for part in output], views.preprocess.size)
