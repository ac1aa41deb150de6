"""With Spark: the people that the most documents name. Needs pyspark (`pip install 'pyspark>=4.1,<5'`) and Java 17.

spark-submit examples/spark_people.py data/tables     or     python examples/spark_people.py data/tables

Resolve CURRENT.json once and read the files that it names: all tables are then of one run, whatever is published
meanwhile. Delta tables are read so too, without the jars of Delta: these files are those of the version it names.
"""

import json
import sys
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

tables = Path(sys.argv[1])
current = json.loads((tables / "CURRENT.json").read_text(encoding="utf-8"))


def files(name: str) -> list[str]:
    """The files of a table: below the snapshot, or below delta/ where it has a version there."""
    table = current["tables"][name]
    below = tables / ("delta" if "version" in table else current["snapshot"])
    return [str(below / file["path"]) for file in table["files"]]


spark = SparkSession.builder.appName("fliesstext").config("spark.ui.enabled", "false").getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
mentions, entities = (spark.read.parquet(*files(name)) for name in ("mentions", "entities"))
counted = (
    mentions.where(f.col("label") == "PER")
    .groupBy("entity_id")
    .agg(f.countDistinct("doc_id").alias("n_documents"), f.count("*").alias("n_mentions"))
    .join(entities.select("entity_id", "name"), "entity_id")
    .orderBy(f.desc("n_documents"), f.desc("n_mentions"), "name")
)
for row in counted.limit(20).collect():
    print(f"{row.name}: {row.n_documents} documents, {row.n_mentions} mentions")
spark.stop()
