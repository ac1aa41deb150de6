"""The pages: each a URL that is read, looked up and filled into a template; nothing is kept between requests."""

import csv
import io
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import polars as pl
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from flows.browse import atlas, charts, find
from flows.browse.corrections import add_row, all_rows, take_back, with_states
from flows.browse.document import LAYERS, about, named_in, raw_text_of, shown_of
from flows.browse.drift import drift_of
from flows.browse.find import PAGE, Search
from flows.browse.guard import Guard
from flows.browse.mark_up import visible
from flows.browse.pictures import DRAWN, Pictures
from flows.browse.shelf import Shelf, Standing
from flows.browse.words import LANGUAGES, best_language, day, number, words_of
from stages.correct import ACTIONS, WITHOUT_VALUE
from stages.discover.sources import Source
from stages.errors import UsageError
from stages.tables.schemas import BLOCK_KINDS, LABELS, NAME_LABELS, REPAIR_RULES, STATUSES

HERE = Path(__file__).parent
_MOST_TAKEN = 100_000
_MOST_BYTES = 100_000
_MOST_PLACES = 400
_MOST_NEAR, _MOST_DRAWN = 200, 14
"""So many names that stand in the same documents are looked up, for the places among them; so many are drawn around."""
_PLURALS = {"PER": "People", "ORG": "Organisations", "LOC": "Places", "MISC": "Other"}


@dataclass(frozen=True)
class Options:
    """What a person chose when starting the pages."""

    sources: Sequence[Source] = ()
    corrections: Path | str | None = None
    edit: bool = False
    token: str | None = None
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "::1")


def build_app(shelf: Shelf, options: Options) -> Guard:
    """Make the application over some published tables."""
    pages = Pages(shelf, options)
    routes = [
        Route("/", pages.overview),
        Route("/search", pages.search),
        Route("/search.{form}", pages.take),
        Route("/documents/{doc_id}", pages.document),
        Route("/documents/{doc_id}/pages/{number:int}.jpg", pages.picture),
        Route("/entities", pages.entities),
        Route("/entities/{entity_id}", pages.entity),
        Route("/map", pages.map),
        Route("/quarantine", pages.quarantine),
        Route("/files", pages.files),
        Route("/corrections", pages.corrections),
        Route("/corrections", pages.correct, methods=["POST"]),
        Mount("/assets", StaticFiles(directory=HERE / "assets")),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: pages.missing, Exception: pages.failed})
    return Guard(app, options.token, options.hosts)


def environment() -> Environment:
    """Give the templates; everything put into them is escaped."""
    loader = FileSystemLoader(HERE / "templates")
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.globals |= {
        "charts": charts,
        "atlas": atlas,
        "labels": LABELS,
        "name_labels": NAME_LABELS,
        "plurals": _PLURALS,
    }
    made.globals |= {"day": day, "drift_of": drift_of}
    made.globals |= {"block_kinds": BLOCK_KINDS, "statuses": STATUSES, "rules": REPAIR_RULES}
    made.filters |= {"visible": visible, "zipped": lambda names: [(name, name) for name in names]}
    return made


class Pages:
    """The views; each takes a request and gives an answer."""

    def __init__(self, shelf: Shelf, options: Options) -> None:
        self._shelf, self._options, self._templates = shelf, options, environment()
        self._pictures = Pictures(options.sources)

    def _fill(self, request: Request, template: str, code: int = 200, /, **values: Any) -> Response:
        chosen = request.query_params.get("lang") or request.cookies.get("lang", "")
        language = chosen if chosen in LANGUAGES else best_language(request.headers.get("accept-language", ""))
        theme = request.cookies.get("theme", "")
        standing = self._shelf.standing
        frame = {
            "t": words_of(language),
            "n": lambda value: number(value, language),
            "lang": language,
            "theme": theme if theme in {"light", "dark"} else "",
            "path": request.url.path,
            "here": request.url,
            "published_at": standing.snapshot.published_at,
            "preparing": self._shelf.is_preparing,
            "edit": self._options.edit,
            "partial": request.headers.get("hx-request") == "true",
        }
        answer = HTMLResponse(self._templates.get_template(template).render(frame | values), code)
        if request.query_params.get("lang") in LANGUAGES:
            answer.set_cookie("lang", language, samesite="strict", max_age=365 * 86400)
        answer.headers["vary"] = "cookie, accept-language, hx-request"
        return answer

    def _standing(self) -> Standing:
        self._shelf.refresh()
        return self._shelf.standing

    def overview(self, request: Request) -> Response:
        """The start page: what there is, and what the last run did."""
        standing = self._standing()
        with self._shelf.reading(standing) as found:
            most = {label: find.most_named(found, label, 8) for label in NAME_LABELS}
            points = atlas.points_of(find.places(found, _MOST_PLACES))
        months = charts.months_between(standing.facts["months"])
        links = {month: f"/search?since={month}&until={month}&sort=oldest" for month, _ in months}
        return self._fill(
            request, "overview.html", facts=standing.facts, most=most, months=months, links=links, points=points
        )

    def search(self, request: Request) -> Response:
        """Documents by words and filters."""
        standing, view = self._standing(), Search.from_url(request.query_params)
        with self._shelf.reading(standing) as found:
            hits = find.search(found, view, standing.snapshot.run_id)
            entity = find.entity(found, view.entity) if view.entity else None
        return self._fill(request, "search.html", view=view, hits=hits, entity=entity, facts=standing.facts)

    def take(self, request: Request) -> Response:
        """The documents that a search found, as a file."""
        form = request.path_params["form"]
        if form not in _FORMS:
            raise HTTPException(404)
        standing, view = self._standing(), Search.from_url(request.query_params)

        def rows() -> Iterator[dict[str, Any]]:
            with self._shelf.reading(standing) as found:
                for row in find.all_hits(found, view, standing.snapshot.run_id, _MOST_TAKEN):
                    del row["no"]
                    yield row

        media_type, write = _FORMS[form]
        headers = {"content-disposition": f'attachment; filename="fliesstext.{form}"'}
        return StreamingResponse(write(rows()), media_type=media_type, headers=headers)

    def document(self, request: Request) -> Response:
        """One document, mended beside raw."""
        standing = self._standing()
        frames = self._shelf.document(standing, request.path_params["doc_id"])
        if not frames["documents"].height:
            raise HTTPException(404)
        document = frames["documents"].row(0, named=True)
        raw_text = raw_text_of(frames, self._options.sources, standing.rows)
        shown = shown_of(frames, raw_text, request.query_params)
        with self._shelf.reading(standing) as found:
            named = named_in(found, frames["mentions"])
            told = about(found, document)
        drawn = self._pictures.state_of(document, standing.rows) if shown["sheets"] else ""
        layers = [name for name in LAYERS if name != "pages" or shown["sheets"]]
        # Beside the text stands the page as it was printed, where there is one; the raw text is a click away.
        usual = [name for name in layers if name != ("raw" if drawn == DRAWN else "pages")]
        chosen = request.query_params["layers"].split(",") if "layers" in request.query_params else usual
        return self._fill(
            request, "document.html", document=document, named=named, told=told, drawn=drawn,
            layers=[name for name in layers if name in chosen], all_layers=layers,
            has_sources=bool(self._options.sources), q=request.query_params.get("q", ""), **shown,
        )  # fmt: skip

    def picture(self, request: Request) -> Response:
        """A page of a document as it was printed."""
        standing = self._standing()
        (row,) = self._shelf.document(standing, request.path_params["doc_id"], ("documents",)).values()
        document = row.row(0, named=True) if row.height else None
        number = request.path_params["number"]
        drawn = self._pictures.of_page(document, standing.rows, number) if document else None
        if drawn is None:
            raise HTTPException(404)
        return Response(drawn, media_type="image/jpeg", headers={"cache-control": "private, max-age=3600"})

    def entities(self, request: Request) -> Response:
        """The list of people, organisations, places and other names."""
        standing, given = self._standing(), request.query_params
        label = given.get("label", "") if given.get("label") in NAME_LABELS else ""
        q, sort, page = given.get("q", "").replace("\0", ""), given.get("sort", ""), _page(request)
        with self._shelf.reading(standing) as found:
            rows, total = find.entities(found, label, q, sort, page)
        pages = max(1, -(-total // (2 * PAGE)))
        return self._fill(
            request, "entities.html", rows=rows, total=total, label=label, q=q, sort=sort, page=page, pages=pages,
            facts=standing.facts,
        )  # fmt: skip

    def entity(self, request: Request) -> Response:
        """One name: how it is written, with whom, and every place that says it."""
        standing, page = self._standing(), _page(request)
        with self._shelf.reading(standing) as found:
            entity = find.entity(found, request.path_params["entity_id"])
            if entity is None:
                raise HTTPException(404)
            number = entity["no"]
            near = find.company(found, number, _MOST_NEAR)
            values = {
                "months": charts.months_between(find.months(found, number)),
                "roles": find.roles(found, number),
                "company": near[:_MOST_DRAWN],
                "points": atlas.points_of([entity | {"n": entity["n_documents"]}, *near], "n"),
                "contexts": find.contexts(found, number, page),
                "evidence": find.evidence(found, entity),
            }
            if self._options.edit:
                values["alike"] = find.alike(found, entity)
        pages = max(1, -(-entity["n_mentions"] // PAGE))
        return self._fill(request, "entity.html", entity=entity, page=page, pages=pages, **values)

    def map(self, request: Request) -> Response:
        """The places that most documents name, where they are."""
        with self._shelf.reading(self._standing()) as found:
            points = atlas.points_of(find.places(found, _MOST_PLACES))
        whole = request.query_params.get("view") == "all"
        frame = atlas.around(points, whole=whole) if points else None
        n_outside = sum(not atlas.within(frame, one) for one in points) if frame else 0
        return self._fill(request, "map.html", points=points, frame=frame, n_outside=n_outside, whole=whole)

    def quarantine(self, request: Request) -> Response:
        """What was kept out, and what to do."""
        standing, rule, page = self._standing(), request.query_params.get("rule", ""), _page(request)
        with self._shelf.reading(standing) as found:
            rows, total = find.quarantine(found, rule, page)
        pages = max(1, -(-total // (2 * PAGE)))
        return self._fill(
            request, "quarantine.html", rows=rows, total=total, rule=rule, page=page, pages=pages, facts=standing.facts
        )

    def files(self, request: Request) -> Response:
        """All files ever seen, and how each ended."""
        standing, given, page = self._standing(), request.query_params, _page(request)
        status, q = given.get("status", ""), given.get("q", "").replace("\0", "")
        with self._shelf.reading(standing) as found:
            rows, total = find.files(found, status, q, page)
        pages = max(1, -(-total // (2 * PAGE)))
        return self._fill(
            request, "files.html", rows=rows, total=total, status=status, q=q, page=page, pages=pages,
            facts=standing.facts,
        )  # fmt: skip

    def corrections(self, request: Request, problem: str = "") -> Response:
        """The corrections that there are."""
        file = self._options.corrections
        standing = self._standing()
        rows = with_states(all_rows(file), self._shelf.store, standing.snapshot).to_dicts() if file else []
        return self._fill(
            request, "corrections.html", 422 if problem else 200, rows=rows, file=str(file or ""), problem=problem
        )

    async def correct(self, request: Request) -> Response:
        """Add a correction, or take one back."""
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MOST_BYTES:
                raise HTTPException(413)
        given = {k: v[-1].strip() for k, v in parse_qs(body.decode("utf-8", "replace")).items()}
        return await run_in_threadpool(self._correct, request, given)

    def _correct(self, request: Request, given: dict[str, str]) -> Response:
        file = self._options.corrections
        if not self._options.edit or file is None:
            raise HTTPException(403)
        if "line" in given:
            take_back(file, int(given["line"]) if given["line"].isdigit() else 0, given.get("at", ""))
            return RedirectResponse("/corrections", 303)
        standing = self._standing()
        with self._shelf.reading(standing) as found:
            problem = _complete(found, given)
        if not problem:
            try:
                add_row(file, given)
            except UsageError as error:
                problem = str(error)
        return self.corrections(request, problem) if problem else RedirectResponse("/corrections", 303)

    def missing(self, request: Request, error: Exception) -> Response:
        """What is said where there is no such page."""
        status = error.status_code if isinstance(error, HTTPException) else 404
        return self._fill(request, "error.html", status, message="There is no such page.")

    def failed(self, request: Request, _: Exception) -> Response:
        """What is said where a page could not be made."""
        return self._fill(request, "error.html", 500, message="Something went wrong here; the terminal says what.")


def _complete(found: sqlite3.Connection, given: dict[str, str]) -> str:
    """Fill in what the form of a mention says in one value, and the other entity of a merger, given by its name or
    its id; returns what is wrong, if anything is.
    """
    if given.get("action") == "mention":
        start, _, rest = given.pop("mention", "").partition(" ")
        label, _, name = rest.partition(" ")
        action = "retype" if given.get("value") else "reject"
        given |= {"action": action, "start": start, "label": label, "name": name}
    if given.get("action") not in ACTIONS:
        return "Something has to be given."
    if given["action"] == "merge":
        others = find.by_name(found, given.get("value", ""), given.get("label", ""))
        if len(others) != 1 or others[0]["entity_id"] == given.get("entity_id"):
            return "That name is not among those found: choose one from the list, or give its id."
        given |= {"value": others[0]["entity_id"], "value_name": others[0]["name"]}
    return "" if given["action"] in WITHOUT_VALUE or given.get("value") else "Something has to be given."


def _page(request: Request) -> int:
    given = request.query_params.get("page", "1")
    return max(1, min(int(given), 1_000_000)) if given.isascii() and given.isdigit() else 1


Rows = Iterator[dict[str, Any]]


def _as_csv(rows: Rows) -> Iterator[str]:
    """Rows for a spreadsheet. A cell that it would take for a formula is led by an apostrophe."""
    out = io.StringIO()
    writer = None
    for row in rows:
        if writer is None:
            writer = csv.DictWriter(out, row)
            writer.writeheader()
        writer.writerow({k: f"'{v}" if isinstance(v, str) and v[:1] in "=+-@\t\r" and v else v for k, v in row.items()})
        yield out.getvalue()
        out.seek(0)
        out.truncate()


def _as_jsonl(rows: Rows) -> Iterator[str]:
    return (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _as_parquet(rows: Rows) -> Iterator[bytes]:
    out = io.BytesIO()
    pl.DataFrame(list(rows), infer_schema_length=None).write_parquet(out)
    yield out.getvalue()


_FORMS: dict[str, tuple[str, Callable[[Rows], Iterator[str] | Iterator[bytes]]]] = {
    "csv": ("text/csv; charset=utf-8", _as_csv),
    "jsonl": ("application/x-ndjson", _as_jsonl),
    "parquet": ("application/vnd.apache.parquet", _as_parquet),
}
