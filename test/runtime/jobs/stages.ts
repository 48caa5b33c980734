import { count, defineJob, max, sum, u16, u32 } from 'flowreduce'

export const perPair = defineJob({
  name: 'per-pair',
  description: 'Octets per source and port',
  groupBy: { src: 'srcAddr', port: 'dstPort' },
  aggregate: { packets: sum('packets') },
})

/** A second stage over the typed rows of the first. */
export const sourcesPerPort = defineJob({
  name: 'sources-per-port',
  description: 'Number of sources of each port, and the most packets of one',
  input: perPair,
  groupBy: { port: 'port' },
  aggregate: { sources: count(), most: max('packets') },
})

/** Values ordered by port first. */
export const portsInOrder = defineJob({
  name: 'ports-in-order',
  description: 'Whether the values of a key arrive in order',
  reads: ['proto', 'dstPort', 'packets'],
  key: { proto: u16() },
  value: { packets: u32(), port: u16() },
  output: { proto: u16(), values: u32(), disorder: u32() },
  sortValues: ['port'],
  map(flow, emit) {
    emit({ proto: flow.proto }, { packets: flow.packets, port: flow.dstPort })
  },
  combine(_key, values, emit) {
    for (const value of values) emit(value)
  },
  reduce(key, values, out) {
    let [count, disorder, port, packets] = [0, 0, -1, -1]
    for (const value of values) {
      count++
      if (value.port < port || (value.port === port && value.packets < packets)) disorder++
      port = value.port
      packets = value.packets
    }
    out({ ...key, values: count, disorder })
  },
})
