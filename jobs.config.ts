/**
 * The example configuration: jobs of all three shapes beside the built-in ones. `flowreduce` finds this file upward from the working folder;
 * `flowreduce jobs` lists what it adds. docs/jobs.md explains every word of it.
 */
import type { Address } from 'flowreduce'
import {
  address,
  count,
  defineConfig,
  defineJob,
  distinct,
  lookup,
  prefix,
  sum,
  timeBin,
  u8,
  u16,
  u32,
} from 'flowreduce'
import { z } from 'zod'

/** Declarative: group and aggregate columns. */
const traffic = defineJob({
  name: 'traffic',
  description: 'Octets, flows and sources per protocol and bin of time, by the clock of a time zone',
  params: z.object({ bin: z.string().default('5m'), zone: z.string().default('UTC') }),
  groupBy: ({ params }) => ({ bin: timeBin(params.bin, { zone: params.zone }), proto: 'proto' }),
  aggregate: { bytes: sum('bytes'), flows: count(), sources: distinct('srcAddr') },
})

/** Declarative, with a table of the configuration: whose traffic was it? */
const siteTraffic = defineJob({
  name: 'site-traffic',
  description: 'Octets and flows into each site and network',
  where: 'bytes > 0',
  groupBy: { site: lookup('sites', 'dstAddr', 'site'), network: prefix('dstAddr', 24, 48) },
  aggregate: { bytes: sum('bytes'), flows: count() },
  sort: { bytes: 'desc' },
})

/** Its own map, with aggregates as reduce. */
const flowSizes = defineJob({
  name: 'flow-sizes',
  description: 'How many flows, and how many octets, are in flows of up to 2, 4, 8, ... octets',
  reads: ['proto', 'bytes'],
  key: { proto: u8(), bits: u8() },
  value: { flows: count(), bytes: sum() },
  map(flow, emit) {
    emit({ proto: flow.proto, bits: flow.bytes === 0 ? 0 : Math.ceil(Math.log2(flow.bytes)) }, { bytes: flow.bytes })
  },
})

/** Its own map and its own reduce; the combine only saves work. */
const horizontalScans = defineJob({
  name: 'horizontal-scans',
  description: 'Sources that touch many targets on one port',
  params: z.object({ targets: z.number().int().positive().default(100) }),
  reads: ['srcAddr', 'dstAddr', 'dstPort', 'packets'],
  key: { src: address(), port: u16() },
  value: { dst: address() },
  output: { src: address(), port: u16(), targets: u32() },
  sort: { targets: 'desc' },
  map(flow, emit) {
    if (flow.packets <= 3) emit({ src: flow.srcAddr, port: flow.dstPort }, { dst: flow.dstAddr })
  },
  combine(_key, values, emit) {
    const seen = new Set<Address>()
    for (const { dst } of values) seen.add(dst)
    for (const dst of seen) emit({ dst })
  },
  reduce(key, values, out, { params }) {
    const seen = new Set<Address>()
    for (const { dst } of values) seen.add(dst)
    if (seen.size >= params.targets) out({ ...key, targets: seen.size })
  },
})

export default defineConfig({
  jobs: [traffic, siteTraffic, flowSizes, horizontalScans],
  lookups: {
    sites: {
      rows: () => [
        { prefix: '10.0.0.0/8', site: 'campus' },
        { prefix: '10.1.0.0/16', site: 'library' },
        { prefix: '2001:db8::/32', site: 'campus' },
      ],
    },
  },
})
