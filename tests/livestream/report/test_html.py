"""The page: one file, nothing loaded, every text a text."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from livestream import commands
from livestream.attendance import ChannelCounts, GatewayCounts
from livestream.report import POLICY, Report, Surroundings, html_of, report_of
from tests.livestream.stage import Stage

SCRIPT = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
#: Elements without an end tag, of those that are used.
VOID = {"meta", "br", "hr", "col", "link"}


class Page(HTMLParser):
    """A page taken apart; an element that is not closed where it should be is an error."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.style = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.style += data
        else:
            self.texts.append(data)

    def values(self, attribute: str) -> list[str]:
        return [value for _, name, value in self.attributes if name == attribute]


@pytest.fixture(scope="module")
def page(whole: Report) -> Page:
    return Page(html_of(whole))


def test_it_loads_nothing_and_runs_nothing(page: Page) -> None:
    assert not {"script", "link", "img", "iframe", "object", "form", "base"} & set(page.tags)
    names = {name for _, name, _ in page.attributes}
    assert not {"src", "href", "srcset", "action", "style"} & names
    assert not [name for name in names if name.startswith("on")]
    assert "url(" not in page.style
    assert "@import" not in page.style


def test_its_own_policy_allows_its_one_style_and_nothing_else(page: Page) -> None:
    policy = page.attributes[page.attributes.index(("meta", "content", POLICY))][2]
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert "unsafe" not in policy


def test_a_script_in_a_title_stays_text() -> None:
    stage = Stage()
    stage.begin(SCRIPT)
    stage.put_card("c1", title=SCRIPT)
    stage.sell(supply=1)
    stage.buy("anna")
    stage.desk(commands.RoomEnd())
    counts = {"tmall": ChannelCounts(5, 5, 5, 1), SCRIPT: ChannelCounts(1, 1, 1, 1)}
    beside = Surroundings(counts={SCRIPT: GatewayCounts(0, 5, 5, channels=counts)}, unique=5)
    page = Page(html_of(report_of("evening", stage.log, beside)))
    assert not {"script", "img"} & set(page.tags)
    assert SCRIPT in page.texts, "it is there to be read"


def test_its_headings_are_in_order_and_its_ids_are_its_own(page: Page) -> None:
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    for named in page.values("aria-labelledby"):
        assert set(named.split()) <= set(ids)
    assert page.tags.count("h1") == 1
    assert ("html", "lang", "en") in page.attributes


def test_every_plot_has_a_name_a_description_and_a_table_nearby(page: Page) -> None:
    plots = page.tags.count("svg")
    assert plots >= 6
    assert page.tags.count("desc") == plots
    assert page.values("role").count("img") == plots
    assert page.tags.count("table") >= plots
    assert page.tags.count("caption") == page.tags.count("table")


def test_it_tells_what_the_brief_of_the_evening_was(page: Page) -> None:
    text = " ".join(page.texts)
    for told in (
        "An evening in Paris",
        "CNY 67,600.00",  # net
        "Sold out after",
        "3.0 s",
        "105",  # the most at once
        "50.0 s",  # watched, on average
        "2 min 8.0 s",
        "Bellboy: 2 of the first 2 of Santos",
        "0.81 %",
        "Everything that was compared agrees.",
        "no engine has told this room",
        "the provider's account: of 1 payments news is due",
    ):
        assert told in text, told


def test_what_was_not_recorded_is_said_to_be_missing(report: Report) -> None:
    text = " ".join(Page(html_of(report)).texts)
    assert "Nobody counted the audience of this room." in text
    assert "Nobody counted who saw the show." in text
    assert "Fairness" not in text


def test_a_room_that_has_not_begun_has_a_page_too() -> None:
    stage = Stage("quiet")
    stage.take_over()
    stage.desk(commands.RoomCreate("Soon"))
    page = Page(html_of(report_of("quiet", stage.log)))
    assert "Soon" in page.texts
    assert "The run of the show" not in page.texts


def test_a_difference_is_not_to_be_overlooked(stage: Stage) -> None:
    ledger = {
        "seq": stage.room.state.seq,
        "totals": [],
        "orders": {"placed": 0, "paid": 0, "refunded": 0},
        "takings": [],
    }
    text = " ".join(Page(html_of(report_of("e", stage.log, Surroundings(ledger=ledger)))).texts)
    assert "NOT EVERYTHING AGREES" in text
    assert "DIFFERS" in text


def test_its_figures_do_not_rely_on_colour_alone(page: Page) -> None:
    """A drop's mark is a whole line, the others are dotted."""
    dashes = re.search(r"\.mark \{[^}]*stroke-dasharray: 1 4", page.style)
    whole = re.search(r"\.mark\.drop \{[^}]*stroke-dasharray: none", page.style)
    assert dashes
    assert whole
