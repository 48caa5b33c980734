import * as zod from 'zod'
import * as vocabulary from '../../index.ts'

/** What bundles find in the program that loads them instead of having copies: each would cost 20 ms to load and to run. Plain properties, as maps of users call them for every flow. */
export const PROVIDED: ReadonlyMap<string, object> = new Map<string, object>([
  ['flowreduce', { ...vocabulary }],
  ['zod', { ...zod }],
])
