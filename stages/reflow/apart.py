"""Let a block begin at lines between empty lines that say themselves what they are: captions with credits, bylines."""

from collections.abc import Sequence

from stages.reflow.bylines import opens_as_byline
from stages.reflow.kinds import ends_in_credit
from stages.reflow.lines import Line

# A caption has so many lines.
LONGEST_CAPTION = 5


def mark_credited(lines: Sequence[Line], begins: Sequence[bool]) -> list[bool]:
    """Let a block begin at a caption that ends in its credit, or at a byline, between empty lines, and after it.

    Neither ends in a full stop, so that the lines alone look as if a sentence went on. Where one does, with a small
    letter behind the gap, the lines are left as they are.
    """
    gaps = [at for at in range(1, len(lines)) if lines[at].breaks > 1]
    marked = list(begins)
    for start, end in zip([0, *gaps], gaps, strict=False):
        if end - start <= LONGEST_CAPTION and not lines[end].text[0].islower() and _stands_apart(lines[start:end]):
            marked[start] = marked[end] = True
    return marked


def _stands_apart(group: Sequence[Line]) -> bool:
    if len(group) == 1 and opens_as_byline(group[0].text):
        return True
    return ends_in_credit(" ".join(line.text for line in group))
