"""Markup is safe by the way it is made."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from livestream.report.markup import Markup, element, join


class Reader(HTMLParser):
    """What a browser makes of it: tags, attributes, text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.text += data


def read(markup: str) -> Reader:
    reader = Reader()
    reader.feed(markup)
    reader.close()
    return reader


def test_an_element_has_attributes_and_children() -> None:
    made = element("p", "a < b", element("b", "c"), class_="quiet", stroke_width=2, x=1.5, y=None)
    assert made == '<p class="quiet" stroke-width="2" x="1.5">a &lt; b<b>c</b></p>'


def test_some_elements_have_no_end() -> None:
    assert element("meta", charset="utf-8") == '<meta charset="utf-8">'


def test_numbers_are_written_short() -> None:
    made = element("i", a=1 / 3, b=2.0, c=-0.004, d=1234567.891)
    assert made == '<i a="0.33" b="2" c="-0" d="1234567.89"></i>'


def test_none_stands_for_nothing() -> None:
    assert join(["a", None, Markup("<br>"), "<br>"]) == "a<br>&lt;br&gt;"


@given(st.text(), st.text())
def test_any_text_comes_out_as_the_text_that_went_in(text: str, attribute: str) -> None:
    reader = read(element("p", text, title=attribute))
    assert [tag for tag, _ in reader.tags] == ["p"]
    # Only what an HTML parser itself changes: line ends and zero bytes.
    assert reader.text.replace("\r\n", "\n") == text.replace("\r\n", "\n")
    assert len(reader.tags[0][1]) == 1
    assert reader.tags[0][1][0][1] == attribute
