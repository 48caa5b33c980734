import * as z from 'zod'
import { address, defineJob, duration, instant, sharesOf, sum } from '../index.ts'

/** Octets between two hosts per bin of time, each flow spread over the bins it covers. */
export const bytesPerSecond = defineJob({
  name: 'bytes-per-second',
  description: 'Octets from one host to another per second (or bin of another length)',
  params: z.object({ bin: duration().prefault('1s') }),
  time: 'spread',
  reads: ['srcAddr', 'dstAddr', 'start', 'end', 'bytes'],
  key: { src: address(), dst: address(), bin: instant() },
  value: { bytes: sum() },
  map(flow, emit, { params }) {
    for (const share = sharesOf(flow, params.bin); share.next(); ) {
      emit({ src: flow.srcAddr, dst: flow.dstAddr, bin: share.start }, { bytes: share.bytes })
    }
  },
})
