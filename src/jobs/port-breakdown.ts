import * as z from 'zod'
import { count, defineJob, sum } from '../index.ts'

/** Octets, packets and flows per port. */
export const portBreakdown = defineJob({
  name: 'port-breakdown',
  description: 'Octets, packets and flows per destination (or source) port',
  params: z.object({ direction: z.enum(['dst', 'src']).default('dst') }),
  groupBy: ({ params }) => ({ port: `${params.direction}Port` }),
  aggregate: { bytes: sum('bytes'), packets: sum('packets'), flows: count() },
  sort: { bytes: 'desc' },
})
