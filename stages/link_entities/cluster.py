"""Mentions of one document become clusters: what the document alone shows to be one person or thing.

Nothing here looks beyond the document, so its clusters stand until the document changes.
"""

from stages.link_entities.cluster_names import cluster_names
from stages.link_entities.cluster_persons import cluster_persons
from stages.link_entities.document import Cluster, Mentions


def cluster_document(text: str, mentions: Mentions, rows: range, roles: list[str | None]) -> list[Cluster]:
    """The clusters of a document's mentions, in the order of their first mention; never across labels.

    ``rows``: those of the document among the ``mentions``. ``roles`` gets what stands beside a person, at its row.
    """
    by_label: dict[str, list[int]] = {}
    for row in rows:
        by_label.setdefault(mentions.label[row], []).append(row)
    clusters: list[Cluster] = []
    for label, found in by_label.items():
        if label == "PER":
            clusters += cluster_persons(text, mentions, found, roles)
        else:
            clusters += cluster_names(text, mentions, found, label, by_label.get("LOC", []))
    numbers = mentions.mention_no
    return sorted(clusters, key=lambda cluster: numbers[cluster.rows[0]])
