"""What text from outside looks like on a terminal, wherever it is shown."""

import pytest

from edgekit.cli import output
from edgekit.reports import table
from edgekit.text import one_line, printable

NASTY = "conv\x1b]0;title\x07\x9b2J\u202e\ud800"


@pytest.mark.parametrize("sign", ["\x1b", "\x07", "\r", "\b", "\x9b", "\x00", "\u202e", "\ud800"])
def test_what_steers_a_terminal_is_a_space(sign):
    assert printable(f"a{sign}b") == one_line(f"a{sign}b") == "a b"


def test_lines_and_words_stay():
    assert printable("eins\nzwei drei ü\tx") == "eins\nzwei drei ü     x"
    assert one_line("eins\nzwei") == "eins zwei"


def test_a_table_has_no_control_characters_and_a_cell_no_lines():
    text = table.render((NASTY, "b"), [(NASTY, "1\n2")], title=NASTY)
    assert text.replace("\n", "").isprintable()
    assert "1 2" in text


@pytest.mark.parametrize(("write", "stream"), [(output.say, 1), (output.print_text, 0)])
def test_commands_print_no_control_characters(capsys, write, stream):
    write(f"{NASTY}\nline")
    text = capsys.readouterr()[stream]
    assert text.endswith("\nline\n")
    assert text.replace("\n", "").isprintable()
