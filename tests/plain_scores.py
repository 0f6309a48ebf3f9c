"""How good predictions are, counted as plainly as it can be."""

import numpy as np


def average_precision(given, right, classes):
    """Average precision at overlap 0.5 as COCO defines it: 101 recalls, mean over classes."""
    values = []
    for index in range(classes):
        total = sum(int((each.classes == index).sum()) for each in right)
        if not total:
            continue
        rows = [
            (float(each.scores[k]), image, each.corners[k])
            for image, each in enumerate(given)
            for k in np.flatnonzero(each.classes == index)
        ]
        rows.sort(key=lambda row: -row[0])
        used, hits = set(), []
        for _, image, box in rows:
            best, place = 0.5 - 1e-10, None
            for k in np.flatnonzero(right[image].classes == index):
                if (image, k) not in used and _overlap(box, right[image].corners[k]) >= best:
                    best, place = _overlap(box, right[image].corners[k]), (image, k)
            used |= {place} if place else set()
            hits.append(place is not None)
        true = np.cumsum(hits)
        precision = true / np.arange(1, len(hits) + 1)
        recall = true / total
        values.append(
            np.mean(
                [max(precision[recall >= level], default=0.0) for level in np.linspace(0, 1, 101)]
            )
            if hits
            else 0.0
        )
    return float(np.mean(values))


def _overlap(a, b):
    sides = [max(0.0, min(a[k + 2], b[k + 2]) - max(a[k], b[k])) for k in range(2)]
    both = sides[0] * sides[1]
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def mean_overlap(given, right, classes):
    """Mean over classes of intersection over union of maps, pixel sets of all images together."""
    values = []
    for index in range(classes):
        pairs = [(g == index, r == index) for g, r in zip(given, right, strict=True)]
        either = sum(int((g | r).sum()) for g, r in pairs)
        if either:
            values.append(sum(int((g & r).sum()) for g, r in pairs) / either)
    return float(np.mean(values))
