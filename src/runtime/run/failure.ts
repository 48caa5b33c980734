import { ComponentError } from '../../flow/component-error.ts'
import type { FailureKind } from './events.ts'

const KINDS: { readonly [code: string]: FailureKind } = {
  'worker-exited': 'exited',
  'out-of-memory': 'out-of-memory',
  'worker-terminated': 'terminated',
  'timed-out': 'timed-out',
  fenced: 'fenced',
  'corrupt-run-file': 'lost-input',
  'missing-run-file': 'lost-input',
  superseded: 'superseded',
}

/** What became of an attempt, from its error. */
export const failureKind = (error: unknown): FailureKind => KINDS[codeOf(error) ?? ''] ?? 'threw'

/** Codes of errors that another attempt cannot mend. */
const FINAL: readonly string[] = [
  'bad-program',
  'bad-plan',
  'overflow',
  'not-conserved',
  'bad-bundle',
  'bad-definition',
  'bad-params',
]

export const isFinal = (error: unknown): boolean => FINAL.includes(codeOf(error) ?? '')

/** Stable code of an error, whatever component or thread it comes from. */
export const codeOf = (error: unknown): string | undefined => (error instanceof ComponentError ? error.code : undefined)

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
