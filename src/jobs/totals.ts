import { count, defineJob, max, min, sum } from '../index.ts'

/** One row for everything. */
export const totals = defineJob({
  name: 'totals',
  description: 'Flows, packets and octets of everything, and the times of the first and last packet',
  groupBy: {},
  aggregate: { flows: count(), packets: sum('packets'), bytes: sum('bytes'), first: min('start'), last: max('end') },
})
