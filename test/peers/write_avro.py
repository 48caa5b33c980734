"""Writes flows as another tool might: fields in another order and of other widths, fields nobody asked for. Arguments: FILE CODEC RECORDS."""
import sys

import fastavro

path, codec, records = sys.argv[1], sys.argv[2], int(sys.argv[3])
schema = fastavro.parse_schema(
    {
        "type": "record",
        "name": "Flow",
        "namespace": "other.tool",
        "fields": [
            {"name": "labels", "type": {"type": "map", "values": {"type": "array", "items": "string"}}},
            {"name": "bytes", "type": ["null", "long"]},
            {"name": "dstPort", "type": "long"},
            {"name": "score", "type": "double"},
            {"name": "start", "type": {"type": "long", "logicalType": "timestamp-micros"}},
            {"name": "end", "type": {"type": "long", "logicalType": "timestamp-micros"}},
            {"name": "srcAddr", "type": {"type": "fixed", "name": "IPv4", "size": 4}},
            {"name": "exporter", "type": "bytes"},
        ],
    }
)
with open(path, "wb") as file:
    fastavro.writer(
        file,
        schema,
        (
            {
                "labels": {"n": [str(n)] * (n % 3)},
                "bytes": n * 1500,
                "dstPort": n % 65536,
                "score": n / 3,
                "start": 1767225600_000_999 + n * 1000,
                "end": 1767225601_000_999 + n * 1000,
                "srcAddr": bytes([10, 0, n >> 8 & 255, n & 255]),
                "exporter": bytes([192, 0, 2, n % 2]),
            }
            for n in range(records)
        ),
        codec=codec,
        sync_interval=4000,
    )
