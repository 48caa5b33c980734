import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LeaseKeeper } from '../../../src/runtime/run/lease-keeper.ts'
import type { RunOutcome } from '../../../src/runtime/run/outcome.ts'
import type { RunSummary } from '../../../src/runtime/run/runs.ts'
import { diffRuns, listRuns, removeRun, showRun } from '../../../src/runtime/run/runs.ts'
import { testFlows } from '../../kit/flow-store.ts'
import type { RunKit } from '../../kit/run-kit.ts'
import { createRunKit } from '../../kit/run-kit.ts'

let kit: RunKit
let first: RunOutcome
let second: RunOutcome
beforeAll(async () => {
  kit = await createRunKit(testFlows(300))
  first = await kit.run(await kit.job('picky.ts', 'picky', { dislikes: 1000 }), { runner: 'inline' })
  second = await kit.run(await kit.job('picky.ts', 'picky', { dislikes: 7 }), { runner: 'inline', maxBadRecords: 50 })
})
afterAll(() => kit.remove())

async function list(): Promise<RunSummary[]> {
  const runs: RunSummary[] = []
  for await (const run of listRuns(kit)) runs.push(run)
  return runs
}

describe('the runs of a store', () => {
  it('are listed with what became of them', async () => {
    const runs = await list()
    expect(runs.map(({ run }) => run).sort()).toEqual([first.run, second.run].sort())
    expect(runs.find(({ run }) => run === first.run)).toMatchObject({
      job: 'picky',
      status: 'committed',
      rows: first.counters.resultRows,
      holder: null,
    })
  })

  it('show their plan, their journal and their counters', async () => {
    const details = await showRun(kit, first.run)
    expect(details.stages.every(({ committed, tasks }) => committed === tasks)).toBe(true)
    expect(details.outcome?.counters).toEqual(first.counters)
    await expect(showRun(kit, 'nobody')).rejects.toThrow('run nobody: expected in file:')
  })

  it('leave a Chrome trace with a bar for each attempt, and what they were carried out on', async () => {
    const read = async (name: string) =>
      JSON.parse(Buffer.from(await kit.store.read(`runs/${first.run}/${name}.json`)).toString())
    const { traceEvents } = await read('trace')
    const bars = traceEvents.filter(({ ph }: { ph: string }) => ph === 'X')
    expect(bars.length).toBe(first.plan.estimate.mapTasks + first.plan.estimate.reduceTasks + 1)
    expect(bars[0]).toMatchObject({ name: 'picky-map-0.1', tid: 1, args: { outcome: 'committed' } })
    // Times are microseconds since the process began.
    for (const { ts, dur } of bars) expect(ts + dur).toBeLessThan(process.uptime() * 1e6)
    expect(await read('environment')).toMatchObject({ node: process.version, job: 'picky' })
  })

  it('are compared by what they ran and what came out', async () => {
    expect(await diffRuns(kit, first.run, first.run)).toEqual([])
    const facts = (await diffRuns(kit, first.run, second.run)).map(({ fact }) => fact)
    expect(facts).toEqual(expect.arrayContaining(['params', 'snapshot', 'counter quarantined', 'result']))
    expect(facts).not.toContain('code')
  })

  it('are removed unless they run; their results stay', async () => {
    const stop = new AbortController()
    let run = ''
    const stopped = kit.run(await kit.job('picky.ts', 'picky', { dislikes: 1000 }), {
      ...{ runner: 'inline', signal: stop.signal },
      onEvent(event) {
        if (event.type === 'planned') run = event.run
        if (event.type === 'attempt-committed') stop.abort(new Error('stop'))
      },
    })
    await expect(stopped).rejects.toMatchObject({ code: 'interrupted' })
    const { version } = first.plan.snapshot
    const held = await LeaseKeeper.take({ ...kit, run, version })
    await expect(removeRun(kit, run)).rejects.toThrow(`run ${run}: expected to be over, got process ${process.pid} on`)
    await held.release()
    expect((await showRun(kit, run)).status).toBe('stopped')
    await removeRun(kit, run)
    await removeRun(kit, second.run)
    expect((await list()).map((summary) => summary.run)).toEqual([first.run])
    const snapshot = await kit.manifest.snapshot()
    expect(await snapshot.datasets()).toContainEqual(expect.objectContaining({ dataset: 'results/picky' }))
  })
})
