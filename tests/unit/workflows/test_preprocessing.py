"""What `--preprocess` may say, and what is found where it says nothing."""

import json
from pathlib import Path

import msgspec
import pytest

from edgekit.errors import DataError, UsageError
from edgekit.records import Preprocess
from edgekit.workflows import preprocessing

SIZE = (224, 224)
PLAIN = Preprocess(SIZE, (256, 256), "center", "bilinear", (0.5,) * 3, (0.5,) * 3)
TEXT = json.dumps(msgspec.to_builtins(PLAIN))


def find(word, folder=Path("/nowhere"), written="", size=SIZE):
    return preprocessing.find(word, folder / "net.onnx", written, size)


def test_imagenet_is_torchvisions():
    found = find("imagenet")
    assert (found.size, found.resize, found.mode) == (SIZE, (256, 256), "center")
    assert found.interpolation == "bilinear"
    assert found.mean == (0.485, 0.456, 0.406)
    assert found.std == (0.229, 0.224, 0.225)


@pytest.mark.parametrize(("word", "black", "white"), [("unit", 0, 1), ("signed", -1, 1)])
def test_short_words_say_what_black_and_white_become(word, black, white):
    found = find(word)
    assert (0 - found.mean[0]) / found.std[0] == black
    assert (1 - found.mean[0]) / found.std[0] == white


def test_a_short_word_takes_the_files_size():
    assert find("unit", size=(192, 320)).size == (192, 320)
    with pytest.raises(UsageError, match="free") as caught:
        find("unit", size=(None, None))
    assert '"size"' in caught.value.hint


def test_json_as_text_a_file_a_record_or_an_artifacts_folder(tmp_path):
    alone, record = tmp_path / "p.json", tmp_path / "artifact.json"
    alone.write_text(TEXT)
    record.write_text(json.dumps({"preprocess": json.loads(TEXT), "key": "x"}))
    for word in (TEXT, str(alone), str(record), str(tmp_path)):
        assert find(word) == PLAIN


def test_without_a_word_the_file_says_it_then_what_lies_beside(tmp_path):
    (tmp_path / "artifact.json").write_text(json.dumps({"preprocess": json.loads(TEXT)}))
    assert find("", tmp_path) == PLAIN
    found = find("", tmp_path, written=TEXT.replace("bilinear", "bicubic"))
    assert found.interpolation == "bicubic"


def test_nothing_says_it():
    with pytest.raises(UsageError, match="nothing says") as caught:
        find("")
    assert "--preprocess imagenet" in caught.value.hint


def test_another_size_than_the_files():
    with pytest.raises(UsageError, match="192 x 192.*224 x 224") as caught:
        find(TEXT, size=(192, 192))
    assert '"size": [192, 192]' in caught.value.hint
    assert find(TEXT, size=(None, 224)) == PLAIN


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{", "holds no preprocessing"),
        ('{"size": [224, 224]}', "missing required field"),
        (TEXT.replace("center", "centre"), "can't carry it out"),
        (TEXT[:-1] + ', "chanels": "BGR"}', "chanels"),
        (TEXT.replace("[224, 224]", "[224]"), "holds no preprocessing"),
    ],
)
def test_json_that_is_no_preprocessing(tmp_path, text, word):
    with pytest.raises(UsageError, match=word):
        find(text)
    path = tmp_path / "p.json"
    path.write_text(text)
    with pytest.raises(DataError, match=word):
        find(str(path))
    with pytest.raises(DataError, match=word):
        find("", written=text)


def test_a_word_that_nobody_knows(tmp_path):
    with pytest.raises(UsageError, match="imagnet") as caught:
        find("imagnet")
    assert "did you mean imagenet?" in caught.value.hint
    binary = tmp_path / "photo.png"
    binary.write_bytes(b"\x89PNG\xff")
    with pytest.raises(DataError, match="JSON"):
        find(str(binary))
