"""Names, values and blocks of a document as W3C Web Annotations (JSON-LD): a page of them for a text beside it.

An annotation points at the mended text by place and by quotation, at the raw text by place, and, where the file has
pages, at the box on its page. Addresses are relative to the file, so a folder of them can be put anywhere.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

Row = Mapping[str, Any]
CONTEXT = "http://www.w3.org/ns/anno.jsonld"
_FRAGMENT = "http://www.w3.org/TR/media-frags/"
_AROUND = 32


def annotation_page(
    document: Row, blocks: Sequence[Row], mentions: Sequence[Row], entities: Mapping[str, Row], copies: Sequence[str]
) -> str:
    """Write the annotations of a document; its text is expected in a file of the name doc_id + ``.txt`` beside it.

    ``entities``: rows of `entities` by id; ``copies``: doc_ids of near-duplicates.
    """
    name = f"{document['doc_id']}.txt"
    items = [*_blocks(document, blocks, name), *_mentions(document, mentions, name, entities)]
    about = {
        "@context": CONTEXT,
        "id": f"{document['doc_id']}.jsonld",
        "type": "AnnotationPage",
        "label": document["title"] or document["source_uri"],
        "partOf": {"type": "AnnotationCollection", "label": document["source_uri"], "total": len(items)},
        "items": items,
    }
    if document["published_at"]:
        about["created"] = f"{document['published_at']}T00:00:00Z"
    if copies:
        about["seeAlso"] = [f"{one}.jsonld" for one in copies]
    return json.dumps(about, ensure_ascii=False, indent=1) + "\n"


def _blocks(document: Row, blocks: Sequence[Row], name: str) -> Iterator[dict[str, Any]]:
    for row in blocks:
        body = [{"type": "TextualBody", "purpose": "classifying", "value": row["kind"], "format": "text/plain"}]
        yield _annotation(f"#b{row['block_no']}", "classifying", body, _targets(document, row, name, quoted=False))


def _mentions(
    document: Row, mentions: Sequence[Row], name: str, entities: Mapping[str, Row]
) -> Iterator[dict[str, Any]]:
    for row in mentions:
        body = [{"type": "TextualBody", "purpose": "tagging", "value": row["label"], "format": "text/plain"}]
        if row["value"]:
            body.append({"type": "TextualBody", "purpose": "describing", "value": row["value"], "format": "text/plain"})
        if row["entity_id"]:
            body.append({"purpose": "identifying", **_entity(row["entity_id"], entities)})
        motivation = "identifying" if row["entity_id"] else "tagging"
        yield _annotation(f"#m{row['mention_no']}", motivation, body, _targets(document, row, name, quoted=True))


def _entity(entity_id: str, entities: Mapping[str, Row]) -> dict[str, Any]:
    """What a mention names: the address of a place in GeoNames where it has one, else an address of our own."""
    row = entities.get(entity_id)
    if row is None or row["geonames_id"] is None:
        own = {"type": "SpecificResource", "source": f"urn:fliesstext:entity:{entity_id}"}
        return own | ({"label": row["name"]} if row else {})
    return {
        "type": "SpecificResource",
        "source": f"https://sws.geonames.org/{row['geonames_id']}/",
        "label": row["name"],
    }


def _annotation(
    address: str, motivation: str, body: list[dict[str, Any]], target: list[dict[str, Any]]
) -> dict[str, Any]:
    return {"id": address, "type": "Annotation", "motivation": motivation, "body": body, "target": target}


def _targets(document: Row, row: Row, name: str, *, quoted: bool) -> list[dict[str, Any]]:
    """Where something stands: in the mended text, in the raw text, and on its page."""
    start, end = row["start"], row["end"]
    selectors = [_position(start, end)]
    if quoted:
        text = document["text"]
        beside = {"prefix": text[max(0, start - _AROUND) : start], "suffix": text[end : end + _AROUND]}
        selectors.append({"type": "TextQuoteSelector", "exact": row["text"], **beside})
    file = f"urn:fliesstext:source:{quote(document['source_uri'])}"
    raw = {"source": file, "selector": _position(row["raw_start"], row["raw_end"])}
    targets: list[dict[str, Any]] = [{"source": name, "selector": selectors}, raw]
    if row["page"] is not None and row["box"] is not None:
        targets.append({"source": f"{file}#page={row['page']}", "selector": _region(row["box"])})
    return targets


def _position(start: int, end: int) -> dict[str, Any]:
    return {"type": "TextPositionSelector", "start": start, "end": end}


def _region(box: Mapping[str, float]) -> dict[str, Any]:
    size = (box["x0"], box["y0"], box["x1"] - box["x0"], box["y1"] - box["y0"])
    value = "xywh=" + ",".join(f"{number:.2f}".rstrip("0").rstrip(".") for number in size)
    return {"type": "FragmentSelector", "conformsTo": _FRAGMENT, "value": value}
