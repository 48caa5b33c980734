import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { valueAt } from '../../../src/flow/value.ts'
import { checkConserved } from '../../../src/runtime/run/coverage.ts'
import { quarantineDataset } from '../../../src/runtime/run/quarantine.ts'
import type { ReplayOutcome } from '../../../src/runtime/run/replay.ts'
import { replayRun } from '../../../src/runtime/run/replay.ts'
import { testFlows } from '../../kit/flow-store.ts'
import { resultRows } from '../../kit/result-rows.ts'
import type { RunKit } from '../../kit/run-kit.ts'
import { bytesOf, createRunKit } from '../../kit/run-kit.ts'

const flows = testFlows(1000)
const disliked = flows.filter(({ dstPort }) => dstPort === 7)
let kit: RunKit
beforeAll(async () => {
  kit = await createRunKit(flows)
})
afterAll(() => kit.remove())

const inline = { runner: 'inline' as const }
const rowsOf = ({ rows, columns }: ReplayOutcome) =>
  rows.flatMap((batch) =>
    Array.from({ length: batch.length }, (_, row) => columns.map(({ name }) => valueAt(batch.columns[name]!, row))),
  )

describe('bad records', () => {
  it('are set aside within the limit, and nothing that they emitted counts', async () => {
    const job = await kit.job('picky.ts', 'picky')
    const outcome = await kit.run(job, { maxBadRecords: disliked.length })
    expect(disliked.length).toBeGreaterThan(3)
    expect(outcome.badRecords).toBe(disliked.length)
    expect(outcome.counters).toMatchObject({ mapped: 1000 - disliked.length, quarantined: disliked.length })
    expect(outcome.coverage.quarantined).toBe(disliked.length)
    expect((await resultRows(outcome)).some(([port]) => port === 7)).toBe(false)
    expect(() => checkConserved(outcome.plan, outcome.counters)).not.toThrow()
    expect(() => checkConserved(outcome.plan, { ...outcome.counters, mapped: 1 })).toThrow(
      `run: flows of the snapshot expected 1000, got ${disliked.length + 1} (0 pruned + 0 corrupt + 0 filtered + 1 mapped`,
    )
    const inThisThread = await kit.run(job, { maxBadRecords: { percent: 10 }, ...inline })
    expect(bytesOf(inThisThread)).toEqual(bytesOf(outcome))
  })

  it('over the limit fail the run, naming the first at the line of the user', async () => {
    const job = await kit.job('picky.ts', 'picky')
    const error = await kit.run(job, { maxBadRecords: disliked.length - 1, ...inline }).catch((caught) => caught)
    expect(error.message).toMatch(
      new RegExp(
        `bad records expected at most ${disliked.length - 1}, got ${disliked.length}; the first is record \\d+ of data/flows/.*picky.ts:\\d+:\\d+: port 7 is not liked`,
      ),
    )
  })

  it('are in a dataset of the run, with block, position, record, error and stack', async () => {
    const outcome = await kit.run(await kit.job('picky.ts', 'picky'), { maxBadRecords: 100, ...inline })
    const snapshot = await kit.manifest.snapshot()
    const dataset = quarantineDataset(outcome.run)
    expect(await snapshot.datasets()).toContainEqual(expect.objectContaining({ dataset, records: disliked.length }))
  })

  it('are run again by replay: through the same job, and through a mended one', async () => {
    const { run } = await kit.run(await kit.job('picky.ts', 'picky'), { maxBadRecords: 100 })
    const same = await replayRun({ store: kit.store, manifest: kit.manifest, run })
    expect(same).toMatchObject({ replayed: disliked.length, rows: [] })
    expect(same.bad.length).toBe(disliked.length)
    expect(same.bad[0]).toMatchObject({
      block: expect.stringMatching(/^data\/flows\//),
      record: expect.stringMatching(/^\{"dstPort":7,"bytes":\d+\}$/),
      error: expect.stringMatching(/picky\.ts:\d+:\d+: port 7 is not liked$/),
      stack: expect.stringContaining('picky.ts'),
    })
    const liked = await kit.job('picky.ts', 'picky', { dislikes: 8 })
    const mended = await replayRun({ store: kit.store, manifest: kit.manifest, run, job: liked })
    const sum = disliked.reduce((total, { bytes }) => total + BigInt(bytes), 0n)
    expect(mended.bad).toEqual([])
    expect(rowsOf(mended)).toEqual([[7, sum]])
  })
})
