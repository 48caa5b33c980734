import { suggest } from '../../flow/nearest.ts'
import { RuntimeError } from '../error.ts'
import type { Fault } from './faults.ts'
import { FAULTS } from './faults.ts'

/** Faults to inject: for each its chance per attempt, 0 to 1, and the seed that decides which attempts it hits. */
export interface Chaos {
  readonly seed: number
  readonly chances: { readonly [F in Fault]?: number }
  /** How long a slow task stands still; longer than it takes to be seen as a straggler, unless given. */
  readonly slowMs?: number
}

/** How often each fault was injected. */
export type InjectedFaults = { readonly [F in Fault]?: number }

/** Reads `kill-worker=0.1,slow-task=0.05`. Throws `bad-option`, naming every fault that is unknown or twice, and every chance outside 0 to 1. */
export function parseChaos(text: string, seed: number): Chaos {
  const chances: { [F in Fault]?: number } = {}
  const problems: string[] = []
  for (const part of text.split(',').map((piece) => piece.trim())) {
    const [name = '', value = ''] = part.split('=', 2).map((piece) => piece.trim())
    const fault = FAULTS.find((known) => known === name)
    if (!fault) problems.push(`fault expected one of ${FAULTS.join(', ')}, got "${name}"${suggest(name, FAULTS)}`)
    else if (chances[fault] !== undefined) problems.push(`${fault}: expected once, got it twice`)
    else if (!/^\d*\.?\d+$/.test(value) || Number(value) > 1)
      problems.push(`${fault}: expected a probability from 0 to 1, got "${value}"`)
    else chances[fault] = Number(value)
  }
  if (problems.length > 0) throw new RuntimeError('bad-option', `chaos: ${problems.join('; ')}`)
  return { seed, chances }
}

/** Counts the faults of a run in one line of text. */
export function chaosText(seed: number, injected: InjectedFaults): string {
  const parts = FAULTS.flatMap((fault) => (injected[fault] ? [`${fault} ${injected[fault]}`] : []))
  return `chaos, seed ${seed}: injected ${parts.length === 0 ? 'nothing' : parts.join(', ')}`
}
