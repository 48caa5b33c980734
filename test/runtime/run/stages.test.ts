import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RunEvent } from '../../../src/runtime/run/events.ts'
import { resumeRun } from '../../../src/runtime/run/resume.ts'
import { testFlows } from '../../kit/flow-store.ts'
import { resultRows } from '../../kit/result-rows.ts'
import type { RunKit } from '../../kit/run-kit.ts'
import { bytesOf, createRunKit } from '../../kit/run-kit.ts'

const flows = testFlows(800)
let kit: RunKit
beforeAll(async () => {
  kit = await createRunKit(flows)
})
afterAll(() => kit.remove())

describe('a job over the rows of another', () => {
  it('gives what two loops give', async () => {
    const outcome = await kit.run(await kit.job('stages.ts', 'sources-per-port'), { runner: 'inline' })
    const pairs = new Map<string, number>()
    for (const { src, v6, dstPort, packets } of flows)
      pairs.set(`${dstPort} ${v6} ${src}`, (pairs.get(`${dstPort} ${v6} ${src}`) ?? 0) + packets)
    const ports = new Map<number, [number, number]>()
    for (const [pair, packets] of pairs) {
      const port = Number(pair.split(' ')[0])
      const [sources, most] = ports.get(port) ?? [0, 0]
      ports.set(port, [sources + 1, Math.max(most, packets)])
    }
    const expected = [...ports]
      .sort(([a], [b]) => a - b)
      .map(([port, [sources, most]]) => [port, sources, BigInt(most)])
    expect(await resultRows(outcome)).toEqual(expected)
    expect(outcome.counters.mapped).toBe(800)
  })

  it('is resumed without doing the earlier stage again', async () => {
    const job = await kit.job('stages.ts', 'sources-per-port')
    const stop = new AbortController()
    let run = ''
    const stopped = kit.run(job, {
      ...{ runner: 'inline', signal: stop.signal },
      onEvent(event) {
        if (event.type === 'planned') run = event.run
        if (event.type === 'stage-finished' && event.stage === 'per-pair-reduce') stop.abort(new Error('stop'))
      },
    })
    await expect(stopped).rejects.toMatchObject({ code: 'interrupted' })
    const events: RunEvent[] = []
    const { store, manifest, system, scratch } = kit
    const onEvent = (event: RunEvent): void => void events.push(event)
    const outcome = await resumeRun({ store, manifest, system, scratch, run, runner: 'inline', onEvent })
    const started = events.flatMap((event) => (event.type === 'attempt-started' ? [event.stage] : []))
    expect(started.some((stage) => stage.startsWith('per-pair'))).toBe(false)
    expect(bytesOf(outcome)).toEqual(bytesOf(await kit.run(job, { runner: 'inline' })))
  })
})

describe('values of a custom reduce', () => {
  it('arrive ordered by the columns of sortValues and then by the others, from any number of spills', async () => {
    const job = await kit.job('stages.ts', 'ports-in-order')
    const outcome = await kit.run(job, { runner: 'inline' })
    expect(await resultRows(outcome)).toEqual(
      [6, 17].map((proto) => [proto, flows.filter((flow) => flow.proto === proto).length, 0]),
    )
  })
})

describe('a run over nothing', () => {
  it('has no map task and an empty result', async () => {
    const empty = await createRunKit([])
    try {
      const outcome = await empty.run(await empty.job('stages.ts', 'per-pair'), { runner: 'inline' })
      expect(outcome.plan.estimate.mapTasks).toBe(0)
      expect(await resultRows(outcome)).toEqual([])
    } finally {
      empty.remove()
    }
  })
})
