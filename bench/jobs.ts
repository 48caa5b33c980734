import { existsSync, writeFileSync } from 'node:fs'
import {
  address,
  count,
  defineJob,
  duration,
  instant,
  prefix,
  sharesOf,
  sum,
  timeBin,
  u8,
  u16,
  u53,
  u64,
} from 'flowreduce'
import { z } from 'zod'

/** The jobs of the benchmark that are not built in; each has its counterpart in peers/query.py. */

export const series = defineJob({
  name: 'bench-series',
  description: 'Octets per five minutes',
  groupBy: { bin: timeBin('5m') },
  aggregate: { bytes: sum('bytes') },
})

export const filtered = defineJob({
  name: 'bench-filtered',
  description: 'Octets per source of large HTTPS flows',
  where: 'proto tcp and dst port 443 and bytes > 10000',
  groupBy: { src: 'srcAddr' },
  aggregate: { bytes: sum('bytes') },
  sort: { bytes: 'desc' },
})

export const pairs = defineJob({
  name: 'bench-pairs',
  description: 'The ten pairs of source and destination with most octets',
  groupBy: { src: 'srcAddr', dst: 'dstAddr' },
  aggregate: { bytes: sum('bytes') },
  sort: { bytes: 'desc' },
  limit: 10,
})

export const allPairs = defineJob({
  name: 'bench-all-pairs',
  description: 'Octets per source and destination, every pair stored',
  groupBy: { src: 'srcAddr', dst: 'dstAddr' },
  aggregate: { bytes: sum('bytes') },
  sort: { bytes: 'desc' },
})

export const portsByMap = defineJob({
  name: 'bench-ports-map',
  description: 'The port breakdown as a map function',
  reads: ['dstPort', 'bytes', 'packets'],
  key: { port: u16() },
  value: { bytes: sum(), packets: sum(), flows: count() },
  map(flow, emit) {
    emit({ port: flow.dstPort }, { bytes: flow.bytes, packets: flow.packets })
  },
  sort: { bytes: 'desc' },
})

export const rates = defineJob({
  name: 'bench-rates',
  description: 'Octets per destination network and minute, spread over the minutes of each flow: the largest ten',
  time: 'spread',
  groupBy: { net: prefix('dstAddr', 24), bin: timeBin('1m') },
  aggregate: { bytes: sum('bytes') },
  sort: { bytes: 'desc' },
  limit: 10,
})

export const ratesByMap = defineJob({
  name: 'bench-rates-map',
  description: 'The same as a map function, every network and minute stored',
  params: z.object({ bin: duration().prefault('1m') }),
  time: 'spread',
  reads: ['dstAddr', 'start', 'end', 'bytes'],
  key: { net: address(), bin: instant() },
  value: { bytes: sum() },
  map(flow, emit, { params }) {
    const net = flow.dstAddr - (flow.dstAddr % 256)
    for (const share = sharesOf(flow, params.bin); share.next(); )
      emit({ net: net as typeof flow.dstAddr, bin: share.start }, { bytes: share.bytes })
  },
  sort: { bytes: 'desc' },
})

export const subnets = defineJob({
  name: 'bench-subnets',
  description: 'Octets, packets and flows per destination /24',
  groupBy: { subnet: prefix('dstAddr', 24, 64) },
  aggregate: { bytes: sum('bytes'), packets: sum('packets'), flows: count() },
  sort: { bytes: 'desc' },
})

/** All flows as the values of one key, about 50 bytes each: a group that no memory needs to hold. */
export const oneGroup = defineJob({
  name: 'bench-one-group',
  description: 'Flows that begin while another of the same source and destination has not ended',
  reads: ['srcAddr', 'dstAddr', 'start', 'end', 'bytes', 'packets'],
  key: { all: u8() },
  value: { src: address(), dst: address(), start: instant(), end: instant(), bytes: u53(), packets: u53() },
  sortValues: ['src', 'dst', 'start'],
  output: { flows: u53(), overlapping: u53(), bytes: u64() },
  map(flow, emit) {
    const { srcAddr: src, dstAddr: dst, start, end, bytes, packets } = flow
    emit({ all: 0 }, { src, dst, start, end, bytes, packets })
  },
  reduce(_key, values, out) {
    let [flows, overlapping, total, end] = [0, 0, 0n, 0]
    let [src, dst]: [unknown, unknown] = [undefined, undefined]
    for (const value of values) {
      flows++
      total += BigInt(value.bytes)
      if (value.src !== src || value.dst !== dst) end = 0
      else if (value.start < end) overlapping++
      ;[src, dst, end] = [value.src, value.dst, Math.max(end, value.end)]
    }
    out({ flows, overlapping, bytes: total })
  },
})

/** A job whose first attempt dies in the middle, as if its worker had been killed: in `map`, or in `reduce`. */
export const mortal = defineJob({
  name: 'bench-mortal',
  description: 'Octets per port, by a reduce of its own',
  params: z.object({ dies: z.enum(['never', 'map', 'reduce']).default('never'), at: z.number(), marker: z.string() }),
  reads: ['dstPort', 'bytes'],
  key: { port: u16() },
  value: { bytes: u53() },
  output: { port: u16(), bytes: u64() },
  map(flow, emit, { params }) {
    if (params.dies === 'map' && ++calls === params.at) dieOnce(params.marker)
    emit({ port: flow.dstPort }, { bytes: flow.bytes })
  },
  reduce(key, values, out, { params }) {
    let bytes = 0n
    for (const value of values) bytes += BigInt(value.bytes)
    if (params.dies === 'reduce' && ++calls === params.at) dieOnce(params.marker)
    out({ ...key, bytes })
  },
})

let calls = 0

function dieOnce(marker: string): void {
  if (existsSync(marker)) return
  writeFileSync(marker, '')
  process.exit(1)
}
