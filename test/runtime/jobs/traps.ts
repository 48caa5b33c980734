import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { count, defineJob, sum, text, u8, u16, u32, u53 } from 'flowreduce'
import { z } from 'zod'

/** Jobs that fall into the traps of MapReduce if the runtime lets them. */

/** Groups of each flow. */
const GROUPS = 500
/** Records of each flow, and bytes of each. */
const COPIES = 50
const LENGTH = 2000

export const manyGroups = defineJob({
  name: 'many-groups',
  description: 'A million groups, of which those with several values are kept',
  reads: ['bytes', 'packets'],
  key: { part: u16(), bytes: u53() },
  value: { packets: u32() },
  output: { part: u16(), bytes: u53(), values: u32() },
  map(flow, emit) {
    for (let part = 0; part < GROUPS; part++) emit({ part, bytes: flow.bytes }, { packets: flow.packets })
  },
  reduce(key, values, out) {
    let seen = 0
    for (const _ of values) seen++
    if (seen > 1) out({ ...key, values: seen })
  },
})

export const oneKey = defineJob({
  name: 'one-key',
  description: 'A single group that is larger than the memory of a run',
  reads: ['dstPort'],
  key: { all: u8() },
  value: { port: u16(), text: text() },
  output: { values: u32(), ordered: u8() },
  sortValues: ['port'],
  map(flow, emit) {
    for (let copy = 0; copy < COPIES; copy++)
      emit({ all: 0 }, { port: flow.dstPort, text: `${copy}`.padEnd(LENGTH, '-') })
  },
  reduce(_key, values, out) {
    let [seen, last, ordered] = [0, 0, 1]
    for (const { port } of values) {
      seen++
      if (port < last) ordered = 0
      last = port
    }
    out({ values: seen, ordered })
  },
})

export const firstOnly = defineJob({
  name: 'first-only',
  description: 'Takes one value of each group and leaves the others, each time in another way',
  reads: ['dstPort', 'bytes'],
  key: { port: u16() },
  value: { bytes: u53() },
  output: { port: u16(), least: u53() },
  map(flow, emit) {
    emit({ port: flow.dstPort }, { bytes: flow.bytes })
  },
  reduce(key, values, out) {
    const iterator = values[Symbol.iterator]()
    const least = iterator.next().value?.bytes ?? 0
    if (key.port % 3 === 0) iterator.return?.()
    out({ ...key, least })
  },
})

const trouble = z.object({ folder: z.string().default(''), what: z.string().default('') })

/** True for the first attempt that gets so far, over all threads. */
function isFirst(folder: string): boolean {
  const marker = join(folder, 'first')
  if (existsSync(marker)) return false
  writeFileSync(marker, '')
  return true
}

function thrown(what: string): unknown {
  if (what === 'functions') return Object.assign(new Error('full of functions'), { cause: () => {}, self: () => {} })
  if (what === 'cycle') {
    const error = new Error('a cycle of causes')
    error.cause = error
    return error
  }
  if (what === 'getters')
    return Object.defineProperty(new Error(''), 'message', {
      get() {
        throw new Error('no message for you')
      },
    })
  if (what === 'symbol') return Symbol('a symbol')
  return new Proxy({}, { get: () => undefined, getPrototypeOf: () => Error.prototype })
}

export const troubledMap = defineJob({
  name: 'troubled-map',
  description: 'Flows per port; the first attempt fails when it has counted some',
  params: trouble,
  reads: ['dstPort', 'bytes'],
  key: { port: u16() },
  value: { bytes: sum(), flows: count() },
  map(flow, emit, { params: { folder, what }, count: tally }) {
    tally('seen')
    emit({ port: flow.dstPort }, { bytes: flow.bytes })
    if (what === 'once' && flow.dstPort === 7 && isFirst(folder)) throw new Error('once')
    if (what === 'unread' && flow.dstPort === 7) void Promise.reject(new Error('nobody awaits this'))
    if (what === 'never' && flow.dstPort === 7) for (;;);
    if (what.startsWith('throw ')) throw thrown(what.slice(6))
  },
})

export const wrongShape = defineJob({
  name: 'wrong-shape',
  description: 'Gives rows that are not what it says',
  params: z.object({ row: z.enum(['text', 'missing', 'extra', 'fraction', 'nothing']) }),
  reads: ['dstPort'],
  key: { port: u16() },
  value: { one: u8() },
  output: { port: u16(), flows: u32() },
  map(flow, emit) {
    emit({ port: flow.dstPort }, { one: 1 })
  },
  reduce(key, _values, out, { params }) {
    const rows: { readonly [row: string]: unknown } = {
      text: { ...key, flows: 'many' },
      missing: { ...key },
      extra: { ...key, flows: 1, flws: 2 },
      fraction: { ...key, flows: 0.5 },
      nothing: undefined,
    }
    const untyped: (row: unknown) => void = out as never
    untyped(rows[params.row])
  },
})
