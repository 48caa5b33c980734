import { defineJob, sum, u16 } from 'flowreduce'
import { z } from 'zod'

/** Refuses flows of one port, after it has emitted something for them. */
export const picky = defineJob({
  name: 'picky',
  description: 'Octets per port, but for ports it does not like',
  params: z.object({ dislikes: z.number().int().default(7) }),
  reads: ['dstPort', 'bytes'],
  key: { port: u16() },
  value: { bytes: sum() },
  map(flow, emit, { params, count }) {
    emit({ port: flow.dstPort }, { bytes: flow.bytes })
    count('called')
    if (flow.dstPort === params.dislikes) throw new Error(`port ${flow.dstPort} is not liked`)
  },
})
