"""Mentions of one document become clusters: what the document alone shows to be one person or thing.

Nothing here looks beyond the document, so its clusters stand until the document changes.
"""

from collections import defaultdict
from collections.abc import Iterable

from stages.link_entities.cluster_names import cluster_names
from stages.link_entities.cluster_persons import cluster_persons
from stages.link_entities.document import Cluster, Mention
from stages.lookups.fold import plain


def cluster_document(mentions: Iterable[Mention]) -> list[Cluster]:
    """The clusters of a document's mentions, in the order of their first mention; never across labels.

    ``mentions`` come in the order of the text.
    """
    by_label: defaultdict[str, list[Mention]] = defaultdict(list)
    for mention in mentions:
        by_label[mention.label].append(mention)
    local = frozenset(plain(mention.text) for mention in by_label["LOC"])
    clusters: list[Cluster] = []
    for label, found in by_label.items():
        clusters += cluster_persons(found) if label == "PER" else cluster_names(found, label, local)
    return sorted(clusters, key=lambda cluster: cluster.members[0])
