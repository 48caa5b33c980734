import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import avsc from 'avsc'

/** A schema that shares some fields with a flow, in another order and another width, and has one of its own. */
const FOREIGN = {
  type: 'record' as const,
  name: 'Traffic',
  fields: [
    { name: 'note', type: 'string' as const },
    { name: 'bytes', type: 'int' as const },
    { name: 'dstAddr', type: 'bytes' as const },
    { name: 'start', type: { type: 'long' as const, logicalType: 'timestamp-millis' } },
    { name: 'packets', type: 'long' as const },
  ],
}

const NEW_YEAR = Date.UTC(2026, 0, 1)

/** Writes flows as another tool would: each of 100 octets and 2 packets, a millisecond after the one before. */
export async function writeForeignAvro(path: string, rows: number, codec: string): Promise<void> {
  const encoder = new avsc.streams.BlockEncoder(FOREIGN, { codec })
  const written = finished(encoder.pipe(createWriteStream(path)))
  for (let row = 0; row < rows; row++) {
    encoder.write({
      note: `n${row}`,
      bytes: 100,
      dstAddr: Buffer.from([10, 0, (row >> 8) & 255, row & 255]),
      start: NEW_YEAR + row,
      packets: 2,
    })
  }
  encoder.end()
  await written
}
