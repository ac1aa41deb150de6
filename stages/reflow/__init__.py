"""Mend broken lines: raw text becomes blocks, each mapped back to its raw characters, with every repair on record.

The steps: cut the text into lines and mend their characters, drop page furniture, decide where blocks begin, decide
each line-end hyphen, put the lines together, part credits from captions, and name the kinds.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, islice, pairwise
from typing import NamedTuple

from stages.reflow.apart import mark_credited
from stages.reflow.assemble import (
    RULES,
    Piece,
    as_line,
    hyphen_repair,
    join_lines,
    plain_join,
)
from stages.reflow.columns import read_columns
from stages.reflow.finish import Finished, Put, finish_blocks
from stages.reflow.furniture import find_furniture
from stages.reflow.gaps import Form, begins_blocks, begins_spaced, double_spaced, parted_by, text_form
from stages.reflow.hyphens import LINE_HYPHENS, Break, Join, decide_all, ends_in_hyphen
from stages.reflow.kinds import name_kinds
from stages.reflow.lines import FORM_FEED, PAGE_GAP, Line, cut_all, drop_lines
from stages.reflow.lists import mark_leaders, mark_letters, mark_lists, mark_outdents, mark_tables, mark_verse
from stages.reflow.marks import read_marks, stands_alone
from stages.reflow.notes import find_captions, find_notes, mark_captions
from stages.reflow.page_breaks import find_torn
from stages.reflow.records import Block, Reflowed, ReflowOptions, Repair, Span
from stages.reflow.verse import find_verse

__all__ = ["VERSION", "Block", "ReflowOptions", "Reflowed", "Repair", "Span", "reflow", "reflow_all"]

VERSION = "9"
"""Raised when the same raw text gives other blocks than before."""

DEFAULT = ReflowOptions()
# So many characters are mended at once.
AT_ONCE = 200_000


def reflow(raw: str, options: ReflowOptions = DEFAULT) -> Reflowed:
    """The blocks of a raw text in reading order.

    Joins lines that were wrapped, decides their hyphens, heals page breaks, removes page furniture and mends
    characters; what it is not sure of it leaves as separate blocks. Takes any string, empty ones too, and reads its own
    output (blocks parted by an empty line) back unchanged. Offsets are code points of ``raw``.

    >>> [block.text for block in reflow("Der Bericht blieb zu-\\nnächst unter Ver-\\nschluss.").blocks]
    ['Der Bericht blieb zunächst unter Verschluss.']
    """
    return next(reflow_all([raw], options))


def reflow_all(raws: Sequence[str], options: ReflowOptions = DEFAULT) -> Iterator[Reflowed]:
    """Each raw text as `reflow` mends it alone; many at once cost less."""
    start = size = 0
    for end, raw in enumerate(raws, start=1):
        size += len(raw)
        if size >= AT_ONCE or end == len(raws):
            cut = cut_all(raws[start:end], options.characters)
            drafts = [_draft(one, *found, options) for one, found in zip(raws[start:end], cut, strict=True)]
            # Where nothing is wrapped each line is a block, and nothing has to be decided.
            decided = iter(begins_blocks([draft.lines for draft in drafts if draft.left == "wrapped"]))
            begins = [next(decided) if draft.left == "wrapped" else [True] * len(draft.lines) for draft in drafts]
            marked = [_mark(draft, own, options) for draft, own in zip(drafts, begins, strict=True)]
            joins = _decide_hyphens([(one.lines, one.begins) for one in marked])
            laid = [_lay_out(one, own) for one, own in zip(marked, joins, strict=True)]
            finished = iter(finish_blocks([block for layout in laid for block in layout.blocks], options))
            for draft, layout in zip(drafts, laid, strict=True):
                yield _mended(draft, layout, list(islice(finished, len(layout.blocks))), options)
            start, size = end, 0


class Note(NamedTuple):
    """A footnote, a caption or a torn page's head: its lines, and how many lines of the text stand before it."""

    lines: list[Line]
    place: int


class Draft(NamedTuple):
    """A text before it is decided where its blocks begin: its lines in reading order, and what was done so far.

    ``form`` is that of the text, ``left`` that of these lines: what is not to be joined is as good as separate.
    ``marked`` says that signs before lines or columns were read, ``doubt`` what was not sure.
    """

    raw: str
    lines: list[Line]
    notes: list[Note]
    repairs: list[Repair]
    form: Form
    left: Form
    marked: bool
    doubt: str | None


class Marked(NamedTuple):
    """A text of which it is known where its blocks begin: its lines, where one begins, its notes, the signal."""

    raw: str
    lines: list[Line]
    begins: list[bool]
    notes: list[Note]
    parted_by: str


class Layout(NamedTuple):
    """A text whose lines were put together: blocks in reading order, how many lines were joined plainly, the signal."""

    blocks: list[Put]
    n_joins: int
    parted_by: str


def _draft(raw: str, lines: list[Line], repairs: list[Repair], options: ReflowOptions) -> Draft:
    """Read signs and columns of a text's lines, drop page furniture and set notes aside."""
    notes: list[Note] = []
    read: list[Repair] = []
    form = text_form(lines)
    doubt: str | None = None
    if options.join_lines and form != "separate":
        lines, read = read_marks(raw, lines)
        lines, parted, unsure = read_columns(raw, lines, options.characters)
        doubt = "columns" if unsure else None
        read = read + parted
        repairs += read
        form = text_form(lines) if read else form
    left, whole = form if options.join_lines else "separate", lines
    if options.furniture and form == "wrapped":
        lines, starts, removed = _without_furniture(raw, lines)
        repairs += removed
        if options.join_lines:
            lines, notes = _without_notes(lines, starts)
            left = left if lines is whole else text_form(lines)
    return Draft(raw, lines, notes, repairs, form, left, bool(read), doubt)


def _mark(draft: Draft, begins: list[bool], options: ReflowOptions) -> Marked:
    """Mark where blocks begin by what the lines say themselves: signs, lists, tables, verse, captions."""
    raw, lines = draft.raw, draft.lines
    if draft.marked or draft.form == "wrapped":
        begins = [begin or forced for begin, forced in zip(begins, _forced(lines), strict=True)]
    if options.join_lines and draft.form == "wrapped":
        begins = mark_letters(lines, mark_captions(lines, mark_credited(lines, begins)))
        begins = mark_leaders(raw, lines, begins)
        begins = mark_tables(raw, lines, mark_verse(lines, mark_lists(lines, mark_outdents(lines, begins))))
    signal = parted_by(lines, begins)
    notes = draft.notes
    if options.join_lines and draft.form == "wrapped":
        lines, begins, notes = _without_captions(lines, begins, notes)
    return Marked(raw, lines, begins, notes, signal)


def _lay_out(marked: Marked, hyphens: Mapping[int, Join]) -> Layout:
    """Put the lines of each block together."""
    return Layout(*_put_blocks(marked.raw, marked.lines, marked.begins, hyphens, marked.notes), marked.parted_by)


def _mended(draft: Draft, layout: Layout, finished: Sequence[Finished], options: ReflowOptions) -> Reflowed:
    """Gather what became of the blocks, and name their kinds."""
    raw, n_joins = draft.raw, layout.n_joins
    pieces, joined = _gather(finished)
    spaced = _join_spaced(raw, pieces, options) if options.join_lines else None
    if spaced:
        pieces, joined, n_joins = spaced[0], joined + spaced[1], n_joins + spaced[2]
    kinds = name_kinds([piece.text for piece in pieces])
    blocks = tuple(Block(kind, piece.text, tuple(piece.spans)) for kind, piece in zip(kinds, pieces, strict=True))
    # A second repair at the same place saw the text after the first; the record shows the raw characters.
    recorded = [r._replace(before=raw[r.raw_start : r.raw_end]) for r in draft.repairs + joined]
    return Reflowed(blocks, tuple(sorted(recorded, key=_place)), n_joins, layout.parted_by, draft.doubt)


def _gather(finished: Sequence[Finished]) -> tuple[list[Piece], list[Repair]]:
    pieces = [piece for block in finished for piece in block.pieces]
    return pieces, [repair for block in finished for repair in block.repairs]


def _forced(lines: Sequence[Line]) -> list[bool]:
    """Where a block begins whatever the layout says: by signs before lines, and at the top of the next column.

    The map of a block to the raw text only goes forward, and a column's top stands before the end of the last one.
    """
    back = [False, *(b.raw_start < a.raw_end for a, b in pairwise(lines))]
    return [alone or up for alone, up in zip(stands_alone(lines), back, strict=False)]


def _join_spaced(raw: str, pieces: list[Piece], options: ReflowOptions) -> tuple[list[Piece], list[Repair], int] | None:
    """Join blocks that are still the lines of a double-spaced text, unless the result looks double-spaced again.

    Works on the texts alone: then reading the result again comes to the same end.
    """
    texts = [piece.text for piece in pieces]
    if not double_spaced(texts) or 2 * sum(map(len, find_verse(texts, [True] * len(texts)))) > len(texts):
        return None
    lines = [as_line(piece) for piece in pieces]
    begins = begins_spaced(texts)
    blocks, n_joins = _put_blocks(raw, lines, begins, _decide_hyphens([(lines, begins)])[0])
    pieces, repairs = _gather(finish_blocks(blocks, options))
    return None if double_spaced([piece.text for piece in pieces]) else (pieces, repairs, n_joins)


def _without_furniture(raw: str, lines: list[Line]) -> tuple[list[Line], list[int], list[Repair]]:
    """The other lines, at which of them a page begins, and a repair for each line of page furniture."""
    found = find_furniture(lines, FORM_FEED in raw[lines[-1].raw_end :])
    if not found:
        return lines, [at for at, line in enumerate(lines) if line.form_feeds], []
    if 2 * sum(len(lines[at].text) for at in found) > sum(len(line.text) for line in lines):
        found = set()  # what is most of the text is the text, however often it comes again
    spans = [(lines[at].raw_start, lines[at].raw_end) for at in sorted(found)]
    kept = [at for at in range(len(lines)) if at not in found]
    rest = drop_lines(lines, found)
    starts = [place for place, at in enumerate(kept) if at - 1 in found or rest[place].form_feeds]
    return rest, starts, [Repair("furniture", start, end, raw[start:end], "") for start, end in spans]


def _without_notes(lines: list[Line], page_starts: list[int]) -> tuple[list[Line], list[Note]]:
    """The lines of the text, and the footnotes and torn page heads taken from between them."""
    notes = find_notes(lines, page_starts)
    inside = {at for start, end in notes for at in range(start, end)}
    spans = sorted(notes + [span for span in find_torn(lines) if inside.isdisjoint(range(*span))])
    if not spans:
        return lines, []
    rest, found, _ = _set_aside(lines, spans)
    return rest, found


def _without_captions(
    lines: list[Line], begins: list[bool], notes: list[Note]
) -> tuple[list[Line], list[bool], list[Note]]:
    """The lines of the text and where blocks begin, without captions inside sentences, which become notes."""
    spans = find_captions(lines, begins)
    if not spans:
        return lines, begins, notes
    rest, found, before = _set_aside(lines, spans)
    inside = {at for start, end in spans for at in range(start, end)}
    goes_on = {end for _, end in spans}
    kept = [begin and at not in goes_on for at, begin in enumerate(begins) if at not in inside]
    moved = [note._replace(place=before[note.place]) for note in notes]
    return rest, kept, sorted([*moved, *found], key=_note_place)


def _set_aside(lines: list[Line], spans: list[tuple[int, int]]) -> tuple[list[Line], list[Note], list[int]]:
    """The other lines, these as notes, and how many other lines stand before each line."""
    inside = {at for start, end in spans for at in range(start, end)}
    before = [0, *accumulate(at not in inside for at in range(len(lines)))]
    return drop_lines(lines, inside), [Note(lines[start:end], before[start]) for start, end in spans], before


def _note_place(note: Note) -> tuple[int, int]:
    return note.place, note.lines[0].raw_start


def _put_blocks(
    raw: str, lines: list[Line], begins: list[bool], hyphens: Mapping[int, Join], notes: Sequence[Note] = ()
) -> tuple[list[Put], int]:
    """The blocks with their lines put together, and the number of plain joins; a note stands behind its block."""
    starts = [at for at, begin in enumerate(begins) if begin]
    blocks: list[Put] = []
    n_joins = 0
    waiting = deque(notes)
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=False):
        joins = [hyphens.get(at) or plain_join(lines[at - 1], lines[at]) for at in range(start + 1, end)]
        blocks.append(put_block(raw, lines[start:end], joins))
        n_joins += joins.count(Join.SPACE) + joins.count(Join.NOTHING)
        while waiting and waiting[0].place <= end:
            note = waiting.popleft()
            inside = [True] + [False] * (len(note.lines) - 1)
            found, joined = _put_blocks(raw, note.lines, inside, _decide_hyphens([(note.lines, inside)])[0])
            blocks += found
            n_joins += joined
            if note.place < end:
                blocks[-1].repairs.append(_moved(raw, note))
    return blocks, n_joins


def put_block(raw: str, lines: list[Line], joins: list[Join]) -> Put:
    """The lines as one block, with the repairs of its hyphens and page breaks."""
    repairs: list[Repair] = []
    for (last, line), join in zip(pairwise(lines), joins, strict=True):
        if join is not Join.SPACE and join in RULES:
            repairs.append(hyphen_repair(raw, last, line, join))
        if line.form_feeds or line.breaks >= PAGE_GAP:
            after = " " if join in (Join.SPACE, Join.KEEP_SPACE) else ""
            gap = raw[last.raw_end : line.raw_start]
            repairs.append(Repair("page_break", last.raw_end, line.raw_start, gap, after))
    return Put(join_lines(lines, joins), repairs)


def _moved(raw: str, note: Note) -> Repair:
    start, end = note.lines[0].raw_start, note.lines[-1].raw_end
    return Repair("note_moved", start, end, raw[start:end], " ".join(line.text for line in note.lines))


def _decide_hyphens(texts: Sequence[tuple[list[Line], list[bool]]]) -> list[dict[int, Join]]:
    """For each text, as its lines and where blocks begin, the join at every line whose line before ends in a hyphen."""
    places = [_hyphenated(lines, begins) for lines, begins in texts]
    broken = [(lines, own) for (lines, _), own in zip(texts, places, strict=True) if own]
    breaks = [
        [Break(lines[at - 1].text.rpartition(" ")[2], lines[at].text.partition(" ")[0]) for at in own]
        for lines, own in broken
    ]
    joins = iter(decide_all(breaks, ["\n".join(line.text for line in lines) for lines, _ in broken]))
    return [dict(zip(own, next(joins), strict=True)) if own else {} for own in places]


def _hyphenated(lines: Sequence[Line], begins: Sequence[bool]) -> list[int]:
    """The lines inside blocks whose line before ends in a hyphen."""
    ended = [at for at, line in enumerate(lines[:-1], start=1) if line.text[-1:] in LINE_HYPHENS]
    return [at for at in ended if not begins[at] and ends_in_hyphen(lines[at - 1].text)]


def _place(repair: Repair) -> tuple[int, int]:
    return repair.raw_start, repair.raw_end
