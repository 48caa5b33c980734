import { describe, expect, it } from 'vitest'
import { type Batch, FLOW_COLUMNS } from '../../../src/flow/batch.ts'
import type { ColumnSpec } from '../../../src/flow/column.ts'
import { EncodeRing, type EncodeRingOptions } from '../../../src/ingest/encode/ring.ts'
import { SyncBlockEncoder } from '../../../src/storage/avro/sync-block-encoder.ts'

const columns: readonly ColumnSpec[] = [...FLOW_COLUMNS, { name: 'applicationId', type: 'u32', nullable: true }]
const capacity = 512
const batches = 60
const built = new URL('../../../dist/encode-worker.js', import.meta.url)
const broken = new URL('data:text/javascript,throw new Error("no worker")')

/** Rows that tell their batch; the last batch is not full. */
function fill(batch: Batch, number: number): void {
  const { received, srcAddr, bytes, applicationId } = batch.columns
  if (received?.type !== 'instant' || srcAddr?.type !== 'address' || bytes?.type !== 'u53') throw new Error('columns')
  if (applicationId?.type !== 'u32') throw new Error('columns')
  batch.length = number === batches - 1 ? 7 : capacity
  for (let row = 0; row < batch.length; row++) {
    received.values[row] = 1_767_225_600_000 + number * 1000 + row
    srcAddr.family[row] = row % 5 === 0 ? 6 : 4
    srcAddr.v4[row] = row % 5 === 0 ? 0 : 0x0a000000 + number * row
    srcAddr.v6.fill(row % 5 === 0 ? number : 0, row * 16, row * 16 + 16)
    bytes.values[row] = number * 1e9 + row
    applicationId.valid![row] = row % 3 === 0 ? 0 : 1
    applicationId.values[row] = row
  }
}

function packedBy(workers: number, script: URL | undefined): string[] {
  const packed: string[] = []
  const consume: EncodeRingOptions['consume'] = ({ length }, { data, plainLength }) =>
    void packed.push(`${length} ${plainLength} ${Buffer.from(data).toString('base64')}`)
  const ring = new EncodeRing({ columns, capacity, workers, script, consume })
  try {
    for (let number = 0; number < batches; number++) {
      fill(ring.rows.batch, number)
      ring.submit()
      // Long enough for workers to start and to take part.
      if (workers > 0 && number > 23) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
    }
    ring.drain()
  } finally {
    ring.close()
  }
  return packed
}

function expected(): string[] {
  const encoder = new SyncBlockEncoder(columns, capacity)
  const packed: string[] = []
  const consume: EncodeRingOptions['consume'] = ({ batch }) => {
    encoder.add(batch, 0, batch.length)
    const { data, plainLength } = encoder.take()
    packed.push(`${batch.length} ${plainLength} ${Buffer.from(data).toString('base64')}`)
  }
  const ring = new EncodeRing({ columns, capacity, workers: 0, script: undefined, consume })
  for (let number = 0; number < batches; number++) {
    fill(ring.rows.batch, number)
    ring.submit()
  }
  ring.drain()
  ring.close()
  encoder.close()
  return packed
}

describe('a ring of batches', () => {
  for (const workers of [0, 1, 2]) {
    it(`gives the packed rows of all batches in order, the same bytes with ${workers} workers`, () => {
      expect(packedBy(workers, built)).toEqual(expected())
    })
  }

  it('does without workers that cannot start', () => {
    expect(packedBy(2, broken)).toEqual(expected())
  })

  it('throws for a value that cannot be stored, whoever found it', () => {
    for (const workers of [0, 1]) {
      const ring = new EncodeRing({
        columns,
        capacity,
        workers,
        script: built,
        consume: () => undefined,
      })
      const run = (): void => {
        for (let number = 0; number < batches; number++) {
          fill(ring.rows.batch, number)
          const { bytes } = ring.rows.batch.columns
          if (number === 40 && bytes?.type === 'u53') bytes.values[3] = 0.5
          ring.submit()
        }
        ring.drain()
      }
      expect(run).toThrow('storage: bytes expected an integer from 0 to 9007199254740991, got 0.5')
      ring.close()
    }
  })
})
