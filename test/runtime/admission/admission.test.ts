import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Admission } from '../../../src/runtime/admission/admission.ts'
import type { Claim } from '../../../src/runtime/admission/claim.ts'
import { grantClaims } from '../../../src/runtime/admission/claim.ts'
import { ClaimRegistry } from '../../../src/runtime/admission/registry.ts'
import { waitingRuns } from '../../../src/runtime/admission/waiting.ts'
import { thisProcess } from '../../../src/storage/lease.ts'
import { realSystem } from '../../../src/storage/system.ts'

const claim = (id: string, values: Partial<Claim> = {}): Claim => ({
  ...{ id, run: id, store: 'file:x', holder: thisProcess(), priority: 0, since: 0, resource: 'slots', amount: 1 },
  ...{ capacity: 2, granted: false, ...values },
})
const granted = (claims: readonly Claim[]): string[] => claims.filter((one) => one.granted).map(({ id }) => id)

describe('claims', () => {
  it('are granted while there is room, by priority and then by age', () => {
    const claims = [
      claim('late', { since: 2 }),
      claim('early', { since: 1 }),
      claim('urgent', { since: 3, priority: 1 }),
    ]
    expect(granted(grantClaims(claims))).toEqual(['early', 'urgent'])
  })

  it('that do not fit hold up those behind them, so that nobody starves', () => {
    const held = claim('held', { granted: true })
    expect(granted(grantClaims([held, claim('large', { amount: 2 }), claim('small', { since: 1 })]))).toEqual(['held'])
  })

  it('larger than the machine are granted alone, and resources do not get into each other’s way', () => {
    expect(granted(grantClaims([claim('huge', { amount: 9 })]))).toEqual(['huge'])
    const memory = claim('memory', { resource: 'memory', amount: 100, capacity: 50 })
    expect(granted(grantClaims([claim('held', { amount: 2, granted: true }), memory]))).toEqual(['held', 'memory'])
  })
})

describe('the slots of a machine', () => {
  let folder = ''
  const children: ChildProcess[] = []
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'admission-'))
  })
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
    // Slots are given back at the end of the turn.
    await setImmediate()
    rmSync(folder, { recursive: true })
  })

  const never = new AbortController().signal
  const waited: number[] = []
  const admission = (run: string, { slots = 2, priority = 0 } = {}): Admission =>
    new Admission(
      { slots, priority, folder },
      { run, store: 'file:x', system: realSystem(), onWaiting: ({ amount }) => waited.push(amount) },
    )

  it('are never given twice, and are all there again in the end', async () => {
    const runs = Array.from({ length: 6 }, (_, i) => admission(`run-${i}`))
    let held = 0
    let most = 0
    const work = async (run: Admission): Promise<void> => {
      for (let i = 0; i < 5; i++) {
        const release = await run.slot(never)
        most = Math.max(most, ++held)
        await realSystem().sleep(3)
        held--
        release()
      }
    }
    await Promise.all(runs.map(work))
    expect(most).toBe(2)
    await setImmediate()
    expect(new ClaimRegistry(folder).claims()).toEqual([])
    expect(readdirSync(folder).length).toBeLessThan(12)
  })

  it('go to the higher priority first, and who waits is told for how many and can be seen', async () => {
    const hold = await admission('holder', { slots: 1 }).slot(never)
    const order: string[] = []
    const wait = async (run: string, priority: number): Promise<void> => {
      const release = await admission(run, { slots: 1, priority }).slot(never)
      order.push(run)
      release()
    }
    const both = [wait('patient', 0), wait('urgent', 5)]
    await expect.poll(() => waitingRuns('file:x', folder).size).toBe(2)
    const waits = { resource: 'slots', amount: 1, heldBy: ['holder'] }
    expect(waitingRuns('file:x', folder).get('urgent')).toEqual({ ...waits, priority: 5 })
    expect(waitingRuns('file:other', folder).size).toBe(0)
    expect(waited).toContain(1)
    hold()
    await Promise.all(both)
    expect(order).toEqual(['urgent', 'patient'])
  })

  it('pass from attempt to attempt of a run without a change of the claims, until another run waits', async () => {
    const ours = admission('ours', { slots: 1 })
    const first = await ours.slot(never)
    const versions = readdirSync(folder)
    first()
    const second = await ours.slot(never)
    expect(readdirSync(folder)).toEqual(versions)
    let theirs: (() => void) | undefined
    const waiting = admission('theirs', { slots: 1 })
      .slot(never)
      .then((release) => {
        theirs = release
      })
    await expect.poll(() => waitingRuns('file:x', folder).has('theirs')).toBe(true)
    second()
    const third = ours.slot(never)
    await waiting
    expect(waitingRuns('file:x', folder).get('ours')?.heldBy).toEqual(['theirs'])
    theirs?.()
    const release = await third
    release()
    await setImmediate()
    expect(new ClaimRegistry(folder).claims()).toEqual([])
  })

  it('of a killed process are free at once', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    children.push(child)
    await new Promise((resolve) => child.once('spawn', resolve))
    const stat = new ClaimRegistry(folder)
    const holder = { host: thisProcess().host, pid: child.pid!, started: null }
    stat.change((claims) => [...claims, claim('theirs', { holder, amount: 2 })])
    const waiting = admission('ours').slot(never)
    await expect.poll(() => waitingRuns('file:x', folder).has('ours')).toBe(true)
    child.kill('SIGKILL')
    const release = await waiting
    expect(stat.claims().map(({ run }) => run)).toEqual(['ours'])
    release()
  })

  it('are not waited for any more when the run is stopped', async () => {
    const hold = await admission('holder', { slots: 1 }).slot(never)
    const stop = new AbortController()
    const waiting = admission('stopped', { slots: 1 }).slot(stop.signal)
    await expect.poll(() => waitingRuns('file:x', folder).size).toBe(1)
    stop.abort(new Error('stop'))
    await expect(waiting).rejects.toThrow()
    expect(waitingRuns('file:x', folder).size).toBe(0)
    hold()
  })
})
