"""Nothing that a document, a file name, a sidecar or a visitor brings runs, leaks or changes anything."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from flows.browse.app import Options, build_app
from flows.browse.shelf import Shelf
from stages.discover.sources import parse_sources
from stages.tables.store.snapshots import read_current, read_table
from tests.faults.harness import fast_gate, run_here
from tests.flows.browse.conftest import HOSTILE, HOSTILE_NAME
from tests.stages.read.print_pdf import article

EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
FACTS = {
    "author": EVIL, "title": EVIL, "publisher": "{{ 7 * 7 }}", "section": EVIL, "published": "2024-03-05",
    "url": "javascript:alert(3)", EVIL: EVIL,
}  # fmt: skip
ELEMENTS = {"script", "img", "iframe", "object", "embed", "base", "style", "form"}


class Reader(HTMLParser):
    """Collects what a browser would run or load."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    press = folder / "feind"
    press.mkdir()
    (press / HOSTILE_NAME).write_text(HOSTILE, encoding="utf-8")
    (press / f"{HOSTILE_NAME.removesuffix('.txt')}.meta.json").write_text(json.dumps(FACTS), encoding="utf-8")
    (press / "zwei.txt").write_text(HOSTILE + " Noch ein Satz.", encoding="utf-8")
    (press / "drei.pdf").write_bytes(
        article(EVIL, [f"Anna Huber kam nach Köln. {EVIL} Alle sahen zu und schwiegen."] * 3)
    )
    (press / (HOSTILE_NAME + ".png")).write_bytes(b"\x89PNG")
    with fast_gate():
        run_here([press], folder / "tables", engine="fast")
    return folder / "tables"


def served(tables: Path, **options: object) -> TestClient:
    named = parse_sources([str(tables.parent / "feind")])
    app = build_app(Shelf(tables, None, lambda *_: None), Options(named, tables / "corrections.csv", **options))
    return TestClient(app, base_url="http://127.0.0.1", headers={"origin": "http://127.0.0.1"}, follow_redirects=False)


def paths(tables: Path) -> list[str]:
    snapshot = read_current(tables)
    documents = [f"/documents/{one}" for one in read_table(tables, snapshot, "documents")["doc_id"]]
    entities = [f"/entities/{one}" for one in read_table(tables, snapshot, "entities")["entity_id"]]
    given = [f"{path}?q={quote(EVIL)}" for path in ("/search", "/entities", "/files")]
    return ["/", "/search", "/map", "/entities", "/quarantine", "/files", "/corrections", *documents, *entities, *given]


@pytest.mark.parametrize("edit", [False, True])
def test_no_page_holds_what_a_document_or_a_visitor_wrote_as_markup(tables: Path, edit: bool) -> None:
    pages = served(tables, edit=edit)
    for path in paths(tables):
        answer = pages.get(path)
        assert answer.status_code == 200, path
        page = Reader()
        page.feed(answer.text)
        for tag, attributes in page.elements:
            assert not any(name.startswith("on") for name in attributes), (path, tag, attributes)
            assert "style" not in attributes, (path, tag)
            for name in ("href", "src", "action"):
                value = (attributes.get(name) or "").removeprefix("http://127.0.0.1")  # the languages
                assert re.match(r"(/(?!/)|\?|#|$)", value), (path, tag, value)
            if tag == "img":
                assert re.fullmatch(r"/documents/\w{20}/pages/\d+\.jpg\?of=[0-9a-f]{12}", attributes["src"] or ""), path
            elif tag in ELEMENTS - {"form"}:
                assert tag == "script", path
                assert (attributes["src"] or "").startswith("/assets/"), path
        assert "49" not in re.findall(r"<span>(\d+)</span>", answer.text)  # {{ 7 * 7 }} stays text


def test_every_answer_has_the_policy_and_it_allows_nothing_inline_or_foreign(tables: Path) -> None:
    pages = served(tables)
    for path in (*paths(tables)[:8], "/nothing", "/search.csv", "/assets/browse.css"):
        policy = dict(part.split(" ", 1) for part in pages.get(path).headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert {value for name, value in policy.items() if name.endswith("-src")} <= {"'none'", "'self'"}, path
        assert (policy["base-uri"], policy["frame-ancestors"], policy["form-action"]) == ("'none'", "'none'", "'self'")
        assert pages.get(path).headers["x-content-type-options"] == "nosniff"


def test_a_link_to_where_it_was_published_is_one_of_the_web_or_none(tables: Path, tmp_path: Path) -> None:
    assert "javascript:alert(3)" in read_table(tables, read_current(tables), "documents")["url"].to_list()
    (tmp_path / "feind").mkdir()
    (tmp_path / "feind" / "a.txt").write_text("Der Rat tagte am Montag in Köln.\n", encoding="utf-8")
    facts = {"url": 'https://example.org/?a="><script>alert(1)</script>'}
    (tmp_path / "feind" / "a.meta.json").write_text(json.dumps(facts), encoding="utf-8")
    with fast_gate():
        run_here([tmp_path / "feind"], tmp_path / "tables", engine="fast")
    doc_id = read_table(tmp_path / "tables", read_current(tmp_path / "tables"), "documents")["doc_id"].item()
    page = served(tmp_path / "tables").get(f"/documents/{doc_id}").text
    assert "<script>alert" not in page
    assert re.search(r'<a href="https://example\.org/[^"]*" rel="noopener noreferrer">', page)


@pytest.mark.parametrize(
    "form",
    [
        {"action": "rename", "entity_id": "0", "name": "a", "label": "PER", "value": "=HYPERLINK(1)\n\rreject,,b"},
        {"action": "part", "source_uri": EVIL, "start": "x' OR 1=1"},
        {"action": "mark_block", "source_uri": "a", "start": "0", "value": "<script>"},
        {"action": "__class__", "name": "x", "value": "y"},
        {"action": "retype", "name": "\0\u202e", "value": "NOPE"},
    ],
)
def test_a_hostile_correction_is_one_row_or_none(tables: Path, form: dict[str, str]) -> None:
    file = tables / "corrections.csv"
    file.unlink(missing_ok=True)
    pages = served(tables, edit=True)
    answer = pages.post("/corrections", data=form)
    assert answer.status_code in {303, 422}
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    shown = pages.get("/corrections").text
    assert shown.count("<tr>") == (2 if answer.status_code == 303 else 0)
    assert (len(lines) > 0) == (answer.status_code == 303)
    assert "<script>" not in shown.replace('<script src="/assets', "")
    file.unlink(missing_ok=True)


def test_beyond_the_loopback_every_address_wants_the_token(tables: Path) -> None:
    pages = served(tables, token="geheim-geheim-geheim", edit=True, hosts=())
    every = [*paths(tables)[:8], "/assets/browse.css", "/search.csv", "/nothing"]
    assert [path for path in every if pages.get(path).status_code != 403] == []
    assert pages.get("/?token=falsch").status_code == 403
    assert pages.post("/corrections", data={"action": "reject", "name": "a"}).status_code == 403
    welcome = pages.get("/?token=geheim-geheim-geheim")
    assert (welcome.status_code, welcome.headers["location"]) == (303, "/")
    cookie = welcome.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert pages.get("/search").status_code == 200


def test_an_address_cannot_lead_elsewhere_by_the_token(tables: Path) -> None:
    pages = served(tables, token="geheim-geheim-geheim", hosts=())
    answer = pages.get("http://127.0.0.1//evil.example/?token=geheim-geheim-geheim")
    assert not answer.headers.get("location", "/").startswith("//")
