"""The classes of a data set beside those of a model: the same ones have the same names."""

from dataclasses import replace

import numpy as np

from edgekit.datasets.items import Boxes, Dataset, Item, listing
from edgekit.datasets.labels import Classes
from edgekit.errors import DataError


def aligned(dataset: Dataset, classes: Classes, model: str) -> Dataset:
    """`dataset` with its classes numbered as a model has them, by their names.

    Where one of both has no names, the numbers themselves have to fit.

    Args:
        dataset: Images with what is right for each.
        classes: The model's classes.
        model: What the model is called in messages.

    Raises:
        DataError: The data has classes that the model doesn't know.
    """
    names = classes.shown
    if dataset.names == names:
        return dataset
    numbered = dataset.names == tuple(map(str, range(len(dataset.names))))
    if numbered and len(dataset.names) <= classes.count:
        return replace(dataset, names=names)
    if not classes.names or numbered:
        _check_count(dataset, classes, model)
        return dataset
    return _by_name(dataset, names, model)


def _check_count(dataset: Dataset, classes: Classes, model: str) -> None:
    if len(dataset.names) != classes.count:
        raise DataError(
            f"{dataset.source} has {len(dataset.names)} classes ({listing(dataset.names)}); "
            f"{model} tells {classes.count} apart",
            hint="give data with the classes that the model learnt"
            + (f": {listing(classes.names)}" if classes.names else ", in the same order"),
        )


def _by_name(dataset: Dataset, names: tuple[str, ...], model: str) -> Dataset:
    used = _used(dataset)
    strange = [n for at, n in enumerate(dataset.names) if n not in names and at in used]
    if strange:
        raise DataError(
            f"{dataset.source} has classes that {model} doesn't know: {listing(strange)}",
            hint=f"it knows {listing(names)}: name the data's classes so, or give other data",
        )
    known = [names.index(name) for name in dataset.names if name in names]
    table = tuple(names.index(name) if name in names else 0 for name in dataset.names)
    note = (
        f"{dataset.source} has {len(dataset.names)} of the {len(names)} classes of {model}"
        if known == sorted(known)
        else f"{dataset.source} has its classes in another order than {model}: taken by name"
    )
    items = tuple(_renumbered(item, table) for item in dataset.items)
    return Dataset(dataset.source, names, items, (*dataset.notes, note), table)


def _used(dataset: Dataset) -> set[int]:
    """Classes with an object; of masks, which aren't read for it, all."""
    boxes = [item.right for item in dataset.items if isinstance(item.right, Boxes)]
    if len(boxes) < len(dataset):
        return set(range(len(dataset.names)))
    return {int(index) for each in boxes for index in each.classes}


def _renumbered(item: Item, table: tuple[int, ...]) -> Item:
    match item.right:
        case Boxes(corners, classes):
            moved = Boxes(corners, np.array(table, np.int64)[classes])
            return replace(item, right=moved)
        case int(index):
            return replace(item, right=table[index])
        case _:
            return item
