import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { address, count, defineJob, sum, u16, u32, u53 } from 'flowreduce'
import { z } from 'zod'

/** Jobs that go wrong in every way there is, once or always; marker files in `folder` tell the attempts apart. */
const params = z.object({ what: z.string().default('nothing'), folder: z.string().default('') })
type Params = z.output<typeof params>

/** True the first time it is called for a name, over all threads and processes. */
function first({ folder }: Params, name: string): boolean {
  try {
    writeFileSync(join(folder, name), '', { flag: 'wx' })
    return true
  } catch {
    return false
  }
}

class Unserialisable extends Error {
  readonly self = this
  readonly code = (): void => {}
  override get message(): string {
    return 'an error full of functions'
  }
}

function fillMemory(): never {
  const rows: number[][] = []
  for (;;) rows.push(Array.from({ length: 10_000 }, (_, i) => i * 1.5))
}

function hang(): never {
  for (;;);
}

function misbehave(given: Params, where: 'map' | 'reduce'): void {
  const [place, what, always] = given.what.split(' ')
  if (place !== where || (always !== 'always' && !first(given, `${where}-${what}`))) return
  if (what === 'throw') throw new Error('thrown on purpose')
  if (what === 'string') throw 'just a string'
  if (what === 'unserialisable') throw new Unserialisable('unused')
  if (what === 'exit') process.exit(3)
  if (what === 'memory') fillMemory()
  if (what === 'hang') hang()
  if (what === 'reject') void Promise.reject(new Error('nobody awaits this'))
}

export const troubledSums = defineJob({
  name: 'troubled-sums',
  description: 'Octets per port, with trouble',
  params,
  reads: ['dstPort', 'bytes'],
  key: { port: u16() },
  value: { bytes: sum(), flows: count() },
  map(flow, emit, { params: given, count: tally }) {
    tally('seen')
    if (flow.dstPort === 7) misbehave(given, 'map')
    emit({ port: flow.dstPort }, { bytes: flow.bytes })
  },
})

export const troubledScans = defineJob({
  name: 'troubled-scans',
  description: 'Targets per source, with trouble',
  params,
  reads: ['srcAddr', 'dstAddr', 'dstPort', 'bytes'],
  key: { src: address() },
  value: { port: u16(), dst: address(), bytes: u53() },
  output: { src: address(), targets: u32(), firstPort: u16() },
  map(flow, emit) {
    emit({ src: flow.srcAddr }, { port: flow.dstPort, dst: flow.dstAddr, bytes: flow.bytes })
  },
  reduce(key, values, out, { params: given, count: tally }) {
    tally('groups')
    misbehave(given, 'reduce')
    const targets = new Set<unknown>()
    let firstPort: number | undefined
    for (const value of values) {
      firstPort ??= value.port
      targets.add(value.dst)
      if (given.what === 'leave early') break
    }
    if (given.what === 'wrong shape') (out as (row: object) => void)({ ...key, targets: 'many', firstPort: 1 })
    else out({ ...key, targets: targets.size, firstPort: firstPort ?? 0 })
  },
})

export const slow = defineJob({
  name: 'slow',
  description: 'One task much slower than the others, the first time',
  params,
  reads: ['dstPort', 'bytes'],
  key: { port: u16() },
  value: { bytes: sum() },
  map(flow, emit, { params: given }) {
    if (flow.bytes % 97 === 0 && first(given, 'slow')) while (!existsSync(join(given.folder, 'go on')));
    emit({ port: flow.dstPort }, { bytes: flow.bytes })
  },
})
