import type { Action } from './actions.ts'
import { GC_HORIZON } from './check.ts'
import type { Snapshot } from './snapshot.ts'

/** What gc keeps, as it says in properties of the manifest before it deletes anything. */
export interface Retention {
  /** No block whose upload began before this becomes live any more, milliseconds. */
  readonly horizon: number
  /** Every version from this one on is kept ... */
  readonly version: number
  /** ... and these before it, which leases named. */
  readonly leased: readonly number[]
}

const GC_VERSION = 'gc.version'
const GC_LEASED = 'gc.leased'

/** The retention that a snapshot states; before the first gc everything is kept. */
export async function readRetention(snapshot: Snapshot): Promise<Retention> {
  const numbers = async (name: string): Promise<number[]> =>
    ((await snapshot.property(name)) ?? '').split(' ').filter(Boolean).map(Number)
  const [horizon = 0] = await numbers(GC_HORIZON)
  const [version = 1] = await numbers(GC_VERSION)
  return { horizon, version, leased: await numbers(GC_LEASED) }
}

/** Whether the blocks of a version are kept. */
export async function isRetained(snapshot: Snapshot, version: number): Promise<boolean> {
  const { version: oldest, leased } = await readRetention(snapshot)
  return version >= oldest || leased.includes(version)
}

/** The actions that replace what a snapshot states; horizon and version never go back. */
export async function retentionActions(snapshot: Snapshot, wanted: Retention): Promise<readonly Action[]> {
  const now = await readRetention(snapshot)
  const values = [
    [GC_HORIZON, String(Math.max(now.horizon, wanted.horizon))],
    [GC_VERSION, String(Math.max(now.version, wanted.version))],
    [GC_LEASED, wanted.leased.join(' ')],
  ] as const
  return Promise.all(
    values.map(
      async ([name, value]): Promise<Action> => ({
        ...{ type: 'setProperty', name },
        ...{ old: await snapshot.property(name), value },
      }),
    ),
  )
}
