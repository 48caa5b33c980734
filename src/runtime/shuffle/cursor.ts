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

/** The first `limit` records of a cursor; all without a limit. */
export const firstOf = (cursor: Cursor, limit: number | undefined): Cursor =>
  limit === undefined ? cursor : new FirstCursor(cursor, limit)

class FirstCursor implements Cursor {
  readonly #cursor: Cursor
  #left: number

  constructor(cursor: Cursor, limit: number) {
    this.#cursor = cursor
    this.#left = limit
  }

  get bytes(): Uint8Array {
    return this.#cursor.bytes
  }

  get keyStart(): number {
    return this.#cursor.keyStart
  }

  get keyEnd(): number {
    return this.#cursor.keyEnd
  }

  get payloadStart(): number {
    return this.#cursor.payloadStart
  }

  get payloadEnd(): number {
    return this.#cursor.payloadEnd
  }

  next(): boolean {
    return this.#left-- > 0 && this.#cursor.next()
  }
}
