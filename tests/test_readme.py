"""README.md says what the program says."""

from tests import readme
from tests.readme import README

TEST_LINE = "python -m venv .venv && .venv/bin/pip install -e '.[all,dev]' && .venv/bin/pytest -n auto --dist loadscope"


def test_the_marked_parts_are_up_to_date():
    text = README.read_text(encoding="utf-8")
    assert readme.regenerated(text) == text, "python -m tests.readme --write"


def test_every_command_is_there():
    blocks = readme.blocks(README.read_text(encoding="utf-8"))
    assert [name for name in readme.commands() if f"help: {name}" not in blocks] == []
    assert "formats" in blocks
    assert len(blocks) == len(set(blocks))


def test_every_option_and_every_command_has_a_meaning():
    for name, command in readme.commands().items():
        assert command.help, name
        for param in command.params:
            assert param.name == "help" or param.help, f"{name} {param.name}"


def test_the_test_line_is_the_one_that_ci_runs():
    assert README.read_text(encoding="utf-8").splitlines().count(TEST_LINE) == 1


def test_a_part_is_made_anew_and_the_rest_is_kept():
    text = "a\n<!-- help: doctor -->\nSTALE\n<!-- /help: doctor -->\nb\n"
    new = readme.regenerated(text)
    assert new.startswith("a\n<!-- help: doctor -->\n```text\nedgekit doctor [OPTIONS]\n")
    assert new.endswith("```\n<!-- /help: doctor -->\nb\n")
    assert "STALE" not in new
    assert readme.regenerated(new) == new
