"""Sums the flows of Parquet files by destination port with DuckDB and with pyarrow: {engine: {port: [flows, packets, bytes]}} as JSON, and the column names."""
import json
import sys

import duckdb
import pyarrow.parquet as pq

paths = sys.argv[1:]
rows = duckdb.execute(
    "SELECT dstPort, count(*), sum(packets), sum(bytes) FROM read_parquet($1) GROUP BY 1", [paths]
).fetchall()
by_duckdb = {port: [int(value) for value in values] for port, *values in rows}

by_pyarrow = {}
names = []
for path in paths:
    # Page checksums are checked: they are our own writer's.
    table = pq.ParquetFile(path, page_checksum_verification=True).read()
    names = table.column_names
    for port, packets, octets in zip(*(table[name].to_pylist() for name in ("dstPort", "packets", "bytes"))):
        entry = by_pyarrow.setdefault(port, [0, 0, 0])
        entry[0] += 1
        entry[1] += packets
        entry[2] += octets
print(json.dumps({"duckdb": by_duckdb, "pyarrow": by_pyarrow, "names": names}))
