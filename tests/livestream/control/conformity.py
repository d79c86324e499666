"""Frames against the published document: each must be exactly what its schema says, and no more."""

from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types

from livestream.control import asyncapi, openapi


class Contract:
    """The AsyncAPI document's messages by the `type` of their frames, and its schemas by name."""

    def __init__(self, document: dict[str, Any] | None = None) -> None:
        document = document or asyncapi.document("ws://127.0.0.1:1", "ws://127.0.0.1:2")
        components = document["components"]
        self.schemas = {name: _closed(schema) for name, schema in components["schemas"].items()}
        self._validators: dict[str, Draft202012Validator] = {}
        for message in components.get("messages", {}).values():
            for kind in message["title"].split(" / "):
                assert kind not in self._validators, f"{kind} is in two messages"
                root = {**message["payload"], "components": {"schemas": self.schemas}}
                self._validators[kind] = Draft202012Validator(root)

    @classmethod
    def of_openapi(cls) -> "Contract":
        """The OpenAPI document's schemas by name."""
        return cls(openapi.document())

    @property
    def types(self) -> set[str]:
        """Every `type` there is."""
        return set(self._validators)

    def check(self, frame: dict[str, Any]) -> None:
        """Raise AssertionError if the frame is not what the document says."""
        errors = [error.message for error in self._validators[frame["type"]].iter_errors(frame)]
        assert errors == [], (frame, errors)

    def check_as(self, name: str, value: object) -> None:
        """The same for a part of a frame: a value of a named schema."""
        root = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": self.schemas}}
        errors = [error.message for error in Draft202012Validator(root).iter_errors(value)]
        assert errors == [], (value, errors)


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    """Clients must ignore what they do not know; we must not send it."""
    return {**schema, "additionalProperties": False} if "properties" in schema else schema
