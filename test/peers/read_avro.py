"""Prints every record of an Avro container file as one JSON line; bytes as hexadecimal, times in milliseconds."""
import json
import sys

import fastavro

fastavro.read.LOGICAL_READERS.clear()


def plain(value):
    return value.hex() if isinstance(value, bytes) else value


with open(sys.argv[1], "rb") as file:
    for record in fastavro.reader(file):
        print(json.dumps({name: plain(value) for name, value in record.items()}))
