"""Sums the flows of Avro container files by destination port: {port: [flows, packets, bytes]} as JSON."""
import json
import sys

import fastavro

sums = {}
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        for flow in fastavro.reader(file):
            entry = sums.setdefault(flow["dstPort"], [0, 0, 0])
            entry[0] += 1
            entry[1] += flow["packets"]
            entry[2] += flow["bytes"]
print(json.dumps(sums))
