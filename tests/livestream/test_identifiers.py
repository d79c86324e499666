"""Names from outside: what may become a key, a label or an address, and what may not."""

import msgspec
import pytest

from livestream.messages import Card, CartAdd


@pytest.mark.parametrize("sku", ["", "a b", "-a", "a}", "a/b", "a\n", "é", "x" * 65])
def test_an_identifier_is_an_ascii_word_and_nothing_more(sku: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"type": "cart.add", "id": "1", "sku": sku}, CartAdd)


@pytest.mark.parametrize(
    "image_url",
    ["http://a.example/x.png", "//a.example/x.png", "x.png", "javascript:x", "/x y", "/x.png\n"],
)
def test_a_picture_comes_over_https_or_from_our_own_server(image_url: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"card_id": "c", "title": "Tank", "image_url": image_url}, Card)


@pytest.mark.parametrize("image_url", ["https://a.example/x.png", "/static/santos.svg"])
def test_such_pictures_are_taken(image_url: str) -> None:
    card = msgspec.convert({"card_id": "c", "title": "Tank", "image_url": image_url}, Card)
    assert card.image_url == image_url
