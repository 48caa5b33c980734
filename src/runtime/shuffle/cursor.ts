/**
 * A stream of records in order of key: where a merge reads from, be it a slice of a run file, a sorted table or another merge. The current record lies in
 * `bytes`, which stays as it is until `next` is called again.
 */
export interface Cursor {
  readonly bytes: Uint8Array
  readonly keyStart: number
  readonly keyEnd: number
  readonly payloadStart: number
  readonly payloadEnd: number
  /** Moves to the next record; false at the end. Must be called once before the first. */
  next(): boolean
}

/** Takes records in order of partition and key. */
export interface RecordSink {
  append(
    partition: number,
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    payload: Uint8Array,
    payloadStart: number,
    payloadEnd: number,
  ): void
}

/** Hands every record of a cursor to one partition of a sink. */
export function drain(cursor: Cursor, partition: number, sink: RecordSink): void {
  while (cursor.next()) {
    const { bytes } = cursor
    sink.append(partition, bytes, cursor.keyStart, cursor.keyEnd, bytes, cursor.payloadStart, cursor.payloadEnd)
  }
}
