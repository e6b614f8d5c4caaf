"""An answer's JSON schema, in the forms in which servers take it."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from hubbub.models.base import Prompt

Schema = dict[str, Any]

#: Keywords that only narrow a value, so that what a server makes without is no worse
#: than what our own check finds.
BOUNDS = frozenset(
    {
        "exclusiveMaximum",
        "exclusiveMinimum",
        "maximum",
        "maxItems",
        "maxLength",
        "minimum",
        "minItems",
        "minLength",
        "multipleOf",
    }
)
#: What strict mode knows.
_STRICT = BOUNDS | {
    "$defs",
    "$ref",
    "additionalProperties",
    "anyOf",
    "const",
    "description",
    "enum",
    "format",
    "items",
    "pattern",
    "properties",
    "required",
    "title",
    "type",
}
#: What it does not, and what means nothing to a model either.
_NOTES = frozenset({"$comment", "$schema", "default", "discriminator", "examples"})

_TYPES: dict[type[object], str] = {
    bool: "boolean",
    float: "number",
    int: "integer",
    str: "string",
    type(None): "null",
}


def strict(schema: Schema) -> Schema | None:
    """
    *schema* as OpenAI's strict mode has it; None if it cannot be had so.

    Objects have all their fields and no others, and every value says its type: what
    follows the one schema follows the other too.
    """
    root = rooted(schema)
    if root.get("type") == "object" and all(map(_may_be_strict, _within(root))):
        return _changed(root, _strictly)
    return None


def unbounded(schema: Schema) -> Schema:
    """*schema* without its `BOUNDS`."""
    return _changed(schema, lambda node: _without(node, BOUNDS))


def has_bounds(schema: Schema) -> bool:
    """Whether `unbounded` would be another schema."""
    return any(not BOUNDS.isdisjoint(node) for node in _within(schema))


def rooted(schema: Schema) -> Schema:
    """*schema* with what its root refers to in the root's place."""
    if "$ref" not in schema:
        return schema
    definitions = schema.get("$defs", {})
    name = schema["$ref"].rpartition("/")[2]
    return {**definitions[name], "$defs": definitions}


def wrapped(schema: Schema) -> Schema:
    """*schema* where only an object will do: as it is, or as the one field of one."""
    root = rooted(schema)
    if root.get("type") == "object":
        return root
    inner = {key: value for key, value in root.items() if key != "$defs"}
    outer: Schema = {
        "type": "object",
        "properties": {"answer": inner},
        "required": ["answer"],
        "additionalProperties": False,
    }
    return outer | ({"$defs": root["$defs"]} if "$defs" in root else {})


def unwrapped(schema: Schema, given: Any) -> Any:
    """The answer in what was *given* by the `wrapped` *schema*."""
    match given:
        case {"answer": answer} if rooted(schema).get("type") != "object":
            return answer
        case _:
            return given


def instructed(prompts: tuple[Prompt, ...], schema: Schema) -> tuple[Prompt, ...]:
    """*prompts* with the schema in words, for a server that cannot enforce it."""
    words = (
        "Answer with one JSON value that follows this JSON schema, and nothing else:\n"
        + json.dumps(schema, ensure_ascii=False)
    )
    if prompts and prompts[-1].role == "user":
        return (*prompts[:-1], Prompt("user", f"{prompts[-1].content}\n\n{words}"))
    return (*prompts, Prompt("user", words))


def _may_be_strict(node: Schema) -> bool:
    if not set(node) <= _STRICT | _NOTES or "type" not in _typed(node):
        return "$ref" in node or ("anyOf" in node and set(node) <= _STRICT | _NOTES)
    fields = node.get("properties")
    closed = isinstance(node.get("additionalProperties", False), bool)
    return node.get("type") != "object" or (isinstance(fields, dict) and closed)


def _strictly(node: Schema) -> Schema:
    if "$ref" in node:
        return {"$ref": node["$ref"]}
    node = _typed(_without(node, _NOTES))
    if node.get("type") == "object":
        node |= {"required": list(node["properties"]), "additionalProperties": False}
    return node


def _typed(node: Schema) -> Schema:
    """*node* with the type that its choices have."""
    choices: list[object] = [node["const"]] if "const" in node else node.get("enum", [])
    if "type" in node or not choices:
        return node
    found = dict.fromkeys(_TYPES.get(type(choice), "") for choice in choices)
    if "" in found:
        return node
    names = list(found)
    return {"type": names[0] if len(names) == 1 else names} | node


def _without(node: Schema, keywords: frozenset[str]) -> Schema:
    return {key: value for key, value in node.items() if key not in keywords}


def _changed(node: Schema, change: Callable[[Schema], Schema]) -> Schema:
    """*node* with *change* made to it and to each schema within it."""
    node = dict(change(node))
    for key in ("properties", "$defs"):
        if key in node:
            node[key] = {name: _changed(n, change) for name, n in node[key].items()}
    if isinstance(node.get("items"), dict):
        node["items"] = _changed(node["items"], change)
    if "anyOf" in node:
        node["anyOf"] = [_changed(n, change) for n in node["anyOf"]]
    return node


def _within(node: Schema) -> Iterator[Schema]:
    """*node* and each schema within it, as far as `_changed` goes."""
    yield node
    inner = [*node.get("properties", {}).values(), *node.get("$defs", {}).values()]
    if isinstance(node.get("items"), dict):
        inner.append(node["items"])
    for schema in (*inner, *node.get("anyOf", ())):
        yield from _within(schema)
