from __future__ import annotations

import json
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from edgekit.reports.html.markup import Html, escape_json, join, section, tag
from edgekit.text import one_line, printable


class Read(HTMLParser):
    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


@given(st.text(), st.text())
def test_any_text_comes_back_as_text(content, value):
    read = Read(tag("p", content, title=value))
    assert read.text == printable(content)
    assert read.tags == [("p", {"title": one_line(value)})]


@given(st.text())
def test_no_json_ends_its_script(text):
    source = escape_json(json.dumps({text: text}))
    assert not set("<>&\u2028\u2029") & set(source)
    assert json.loads(source) == {text: text}


def test_html_stays_html_and_attributes_may_be_missing():
    inner = tag("b", "x & y")
    assert join([inner, " < ", None, [inner]]) == "<b>x &amp; y</b> &lt; <b>x &amp; y</b>"
    assert tag("a", hidden=True, open=False, href=None, class_="c", data_x="1") == (
        '<a hidden class="c" data-x="1"></a>'
    )


def test_a_section_without_content_is_none():
    assert section("name", "Title", None, Html(""), []) == ""
