"""Files of texts and of pairs, and texts as ids."""

from pathlib import Path

import pytest

from edgekit.datasets import texts
from edgekit.datasets.tokens import Encoder, filled
from edgekit.errors import DataError
from edgekit.records import Tokens

ROOT = Path(__file__).parents[3]


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_lines_are_read_with_their_numbers_and_blank_ones_passed_over(tmp_path):
    found = texts.read(write(tmp_path / "a.txt", "\ufeffone\n\n  \ntwo\r\nthrée"))
    assert found.lines == ("one", "two", "thrée")
    assert found.numbers == (1, 4, 5)
    assert len(set(found.digests)) == 3


@pytest.mark.parametrize(
    ("content", "word"), [("", "no text"), ("\n \n", "no text"), (b"\xff\xfe\x00", "UTF-8")]
)
def test_a_file_without_texts(tmp_path, content, word):
    with pytest.raises(DataError, match=word):
        texts.read(write(tmp_path / "a.txt", content))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"a\.txt"):
        texts.read(tmp_path / "a.txt")


def test_pairs_with_and_without_scores(tmp_path):
    found = texts.pairs(write(tmp_path / "a.tsv", "a b\tc\t1\n\nd\te f\t2.5\n"))
    assert (found.first.lines, found.second.lines) == (("a b", "d"), ("c", "e f"))
    assert found.scores == (1.0, 2.5)
    assert found.first.numbers == (1, 3)
    assert texts.pairs(write(tmp_path / "b.tsv", "a\tb\nc\td")).scores == ()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("", "0 pairs"),
        ("a\tb", "1 pairs"),
        ("a\tb\nc", "line 2: no pair"),
        ("a\tb\n\t d", "line 2: no pair"),
        ("a\tb\t1\t2\nc\td\t1\t2", "line 1: no pair"),
        ("a\tb\t1\nc\td", "some pairs have a number"),
        ("a\tb\t1\nc\td\tmuch", "line 2: 'much' is no number"),
        ("a\tb\t1\nc\td\tnan", "line 2: 'nan' is no number"),
    ],
)
def test_what_is_no_file_of_pairs(tmp_path, content, word):
    with pytest.raises(DataError, match=word):
        texts.pairs(write(tmp_path / "a.tsv", content))


def test_golden_texts_are_never_calibrated_on():
    golden, calibration = set(texts.golden().digests), set(texts.calibration().digests)
    assert len(golden) == 6
    assert len(calibration) >= 32
    assert not golden & calibration
    pairs = texts.pairs(ROOT / "benchmarks" / "data" / "sentence_pairs.tsv")
    assert len(pairs.scores) == 200
    assert not set(pairs.first.digests + pairs.second.digests) & (golden | calibration)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    tiny = pytest.importorskip("edgekit.models.text.tiny", exc_type=ImportError)
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    path.write_text(tiny.tokenizer(marked=True), encoding="utf-8")
    return path


def contract(vocabulary=259, max_tokens=8):
    return Tokens("0" * 64, vocabulary, max_tokens, "mean")


def of(*lines):
    return texts.Texts("some.txt", lines, tuple(range(1, len(lines) + 1)))


def test_a_text_that_is_too_long_is_said_with_its_line(tokenizer):
    encoder = Encoder(tokenizer, contract(), cut=False)
    assert [len(row) for row in encoder.rows(of("abcdef", "a"))] == [8, 3]
    with pytest.raises(DataError, match=r"some\.txt, line 2: the text has 9 tokens; .* 8") as e:
        encoder.rows(of("a", "abcdefg"))
    assert "--cut" in e.value.hint


def test_a_text_that_is_cut_keeps_its_marks(tokenizer):
    whole = Encoder(tokenizer, contract(max_tokens=64), cut=False).rows(of("abcdefghij"))[0]
    cutting = Encoder(tokenizer, contract(), cut=True)
    cut = cutting.rows(of("abcdefghij"))[0]
    assert cutting.cuts(of("abcdefghij", "a", "abcdefghijk")) == 2
    assert cut == (*whole[:7], whole[-1])


def test_what_the_file_says_of_lengths_is_not_believed(tokenizer, tmp_path):
    from tokenizers import Tokenizer

    other = Tokenizer.from_file(str(tokenizer))
    other.enable_truncation(4)
    other.enable_padding(length=32)
    other.save(str(tmp_path / "tokenizer.json"))
    rows = Encoder(tmp_path / "tokenizer.json", contract(), cut=False).rows(of("abcd", "a"))
    assert [len(row) for row in rows] == [6, 3]


def test_ids_that_the_network_does_not_know(tokenizer):
    with pytest.raises(DataError, match="line 1: .* knows 50"):
        Encoder(tokenizer, contract(vocabulary=50), cut=False).rows(of("abc"))


def test_a_file_that_is_no_tokenizer(tmp_path):
    pytest.importorskip("tokenizers")
    with pytest.raises(DataError, match="can't be read as a tokenizer"):
        Encoder(write(tmp_path / "tokenizer.json", "{}"), contract(), cut=False)


def test_rows_are_filled_up_behind_what_the_mask_shows():
    ids, mask = filled([(5, 6, 7), (8,)], 4)
    assert ids.tolist() == [[5, 6, 7, 0], [8, 0, 0, 0]]
    assert mask.tolist() == [[1, 1, 1, 0], [1, 0, 0, 0]]
    assert filled([(5, 6, 7), (8,)])[0].shape == (2, 3)
