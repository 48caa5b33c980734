import * as z from 'zod'
import { count, defineJob, prefix, sum } from '../index.ts'

/** Octets, packets and flows per network. */
export const subnetBytes = defineJob({
  name: 'subnet-bytes',
  description: 'Octets, packets and flows per destination (or source) network',
  params: z.object({
    direction: z.enum(['dst', 'src']).default('dst'),
    prefix4: z.number().int().min(0).max(32).default(24),
    prefix6: z.number().int().min(0).max(128).default(64),
  }),
  groupBy: ({ params }) => ({ subnet: prefix(`${params.direction}Addr`, params.prefix4, params.prefix6) }),
  aggregate: { bytes: sum('bytes'), packets: sum('packets'), flows: count() },
  sort: { bytes: 'desc' },
})
