import type { Holder } from '../../storage/lease.ts'

/** What a run asks of the machine, or has been given: slots for attempts, or memory for its process. Plain data of the registry. */
export interface Claim {
  /** Random; names the claim. */
  readonly id: string
  readonly run: string
  readonly store: string
  readonly holder: Holder
  /** Higher ones are served first. */
  readonly priority: number
  /** When it was made, milliseconds; among equal priorities the older is served first. */
  readonly since: number
  readonly resource: Resource
  readonly amount: number
  /** How much of the resource all claims together may hold, as the claimant was told. */
  readonly capacity: number
  readonly granted: boolean
}

export type Resource = 'slots' | 'memory'

/**
 * Grants what there is room for, in order of priority and then of age, resource by resource: who is too large to fit waits, and those behind wait too, so that nobody
 * starves. A claim larger than the whole capacity is granted when it would be the only one. Pure.
 */
export function grantClaims(claims: readonly Claim[]): readonly Claim[] {
  const held = { slots: 0, memory: 0 }
  const blocked = { slots: false, memory: false }
  for (const { granted, resource, amount } of claims) if (granted) held[resource] += amount
  const fresh = new Set<string>()
  for (const { id, granted, resource, amount, capacity } of claims.toSorted(inOrder)) {
    if (granted || blocked[resource]) continue
    if (held[resource] > 0 && held[resource] + amount > capacity) {
      blocked[resource] = true
      continue
    }
    held[resource] += amount
    fresh.add(id)
  }
  return claims.map((claim) => (fresh.has(claim.id) ? { ...claim, granted: true } : claim))
}

const inOrder = (a: Claim, b: Claim): number =>
  b.priority - a.priority || a.since - b.since || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
