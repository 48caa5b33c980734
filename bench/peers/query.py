"""Answers one benchmark query with one engine over Parquet files, on two threads, and prints the first ten rows as JSON.

usage: query.py ENGINE QUERY GLOB LAYOUT     ENGINE: duckdb, clickhouse, polars     QUERY: ports, subnets, series, filtered, pairs, rates
                                             LAYOUT: ours (has DELTA_BINARY_PACKED pages), its

The SQL is what each engine's documentation recommends for the question; nothing is cached between runs.
"""

import json
import sys

BIN = 300_000


PROTO_TCP = 6


def sql(query, table, dialect):
    by_bytes = "ORDER BY total DESC, 1 LIMIT 10"
    div = "intDiv(epoch_start, 300000) * 300000" if dialect == "clickhouse" else "(epoch_start // 300000) * 300000"
    epoch = {"clickhouse": "toUnixTimestamp64Milli(start)", "duckdb": "epoch_ms(start)"}[dialect]
    mask = {"clickhouse": "bitAnd(dstAddr, 4294967040)", "duckdb": "dstAddr & 4294967040"}[dialect]
    return {
        "ports": f"SELECT dstPort AS port, sum(bytes) AS total, sum(packets) AS packets, count(*) AS flows FROM {table} GROUP BY dstPort {by_bytes}",
        "subnets": f"SELECT {mask} AS prefix, sum(bytes) AS total, sum(packets) AS packets, count(*) AS flows FROM {table} GROUP BY 1 {by_bytes}",
        "series": f"SELECT {div.replace('epoch_start', epoch)} AS bin, sum(bytes) AS total FROM {table} GROUP BY 1 ORDER BY 1 LIMIT 10",
        "filtered": f"SELECT srcAddr AS src, sum(bytes) AS total FROM {table} WHERE proto = {PROTO_TCP} AND dstPort = 443 AND bytes > 10000 GROUP BY 1 {by_bytes}",
        "pairs": f"SELECT srcAddr AS src, dstAddr AS dst, sum(bytes) AS total FROM {table} GROUP BY 1, 2 ORDER BY total DESC, 1, 2 LIMIT 10",
        "rates": rates(table, epoch),
    }[query]


def rates(table, epoch):
    """Bytes per destination network and minute, each flow's bytes spread over the minutes it covers (floor(B*t2/d) - floor(B*t1/d))."""
    width = 60_000
    return f"""
WITH flow AS (
  SELECT dstAddr & 4294967040 AS net, epoch_ms(start) AS s, greatest(epoch_ms("end"), epoch_ms(start)) AS e, bytes::HUGEINT AS b FROM {table}
), spread AS (
  SELECT net, s, e, b, unnest(generate_series(s // {width}, CASE WHEN e > s THEN (e - 1) // {width} ELSE s // {width} END)) AS k FROM flow
)
SELECT net, k * {width} AS bin,
  sum(CASE WHEN e = s THEN b
      ELSE b * (least(e, (k + 1) * {width}) - s) // (e - s) - b * (greatest(s, k * {width}) - s) // (e - s) END) AS total
FROM spread GROUP BY 1, 2 ORDER BY total DESC, 1, 2 LIMIT 10"""


def duckdb_rows(query, glob, layout):
    import duckdb

    connection = duckdb.connect(config={"threads": 2})
    return connection.execute(sql(query, f"read_parquet('{glob}')", "duckdb")).fetchall()


def clickhouse_rows(query, glob, layout):
    import chdb

    if query == "rates":
        raise SystemExit("clickhouse: no plain form of this query")
    text = sql(query, f"file('{glob}', Parquet)", "clickhouse") + " SETTINGS max_threads = 2"
    # ClickHouse (chdb 4.4.0) miscounts where its PREWHERE skips rows of DELTA_BINARY_PACKED pages, in files that pyarrow wrote too.
    if layout == "ours":
        text += ", optimize_move_to_prewhere = 0"
    return [json.loads(line) for line in str(chdb.query(text, "JSONCompactEachRow")).splitlines()]


def polars_rows(query, glob, layout):
    import os

    os.environ["POLARS_MAX_THREADS"] = "2"
    import polars as pl

    flows = pl.scan_parquet(glob)
    total = [pl.col("bytes").sum().alias("bytes")]
    more = [*total, pl.col("packets").sum().alias("packets"), pl.len().alias("flows")]
    top = lambda frame, keys: frame.sort(["bytes", *keys], descending=[True] + [False] * len(keys)).head(10)
    frames = {
        "ports": lambda: top(flows.group_by(pl.col("dstPort").alias("port")).agg(more), ["port"]),
        "subnets": lambda: top(flows.group_by((pl.col("dstAddr") & 4294967040).alias("prefix")).agg(more), ["prefix"]),
        "series": lambda: flows.group_by((pl.col("start").dt.epoch("ms") // BIN * BIN).alias("bin")).agg(total).sort("bin").head(10),
        "filtered": lambda: top(
            flows.filter((pl.col("proto") == PROTO_TCP) & (pl.col("dstPort") == 443) & (pl.col("bytes") > 10000)).group_by(pl.col("srcAddr").alias("src")).agg(total), ["src"]
        ),
        "pairs": lambda: top(flows.group_by(pl.col("srcAddr").alias("src"), pl.col("dstAddr").alias("dst")).agg(total), ["src", "dst"]),
    }
    if query not in frames:
        raise SystemExit("polars: no plain form of this query")
    return frames[query]().collect(engine="streaming").rows()


ENGINES = {"duckdb": duckdb_rows, "clickhouse": clickhouse_rows, "polars": polars_rows}


def main():
    engine, query, glob, layout = sys.argv[1:5]
    rows = ENGINES[engine](query, glob, layout)
    print(json.dumps([[int(value) for value in row] for row in rows]))


main()
