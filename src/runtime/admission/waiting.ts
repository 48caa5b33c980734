import { admissionFolder } from './admission.ts'
import type { Claim, Resource } from './claim.ts'
import { ClaimRegistry } from './registry.ts'

/** What a run waits for, and behind whom. */
export interface Waiting {
  readonly resource: Resource
  readonly amount: number
  readonly priority: number
  /** Runs that hold what it waits for. */
  readonly heldBy: readonly string[]
}

/** What each run of a store waits for on this machine, by run; runs that wait for nothing are left out. */
export function waitingRuns(store: string, folder = admissionFolder()): ReadonlyMap<string, Waiting> {
  const claims = new ClaimRegistry(folder).claims()
  const waiting = new Map<string, Waiting>()
  for (const claim of claims) {
    if (claim.granted || claim.store !== store) continue
    const { run, resource, amount, priority } = claim
    const before = waiting.get(run)?.amount ?? 0
    waiting.set(run, { resource, amount: before + amount, priority, heldBy: holdersOf(claims, resource, run) })
  }
  return waiting
}

const holdersOf = (claims: readonly Claim[], resource: Resource, run: string): readonly string[] => [
  ...new Set(
    claims.flatMap((claim) => (claim.granted && claim.resource === resource && claim.run !== run ? [claim.run] : [])),
  ),
]
