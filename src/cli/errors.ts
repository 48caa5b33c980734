import { ComponentError } from '../flow/component-error.ts'

/** A command line that cannot be carried out as given; nothing was touched. Ends the process with exit code 2. */
export class UsageError extends ComponentError<'usage'> {
  constructor(message: string, cause?: unknown) {
    super('usage', message, {}, cause)
  }
}

/** Work stopped by the user's signal; its state can be taken up again. Ends the process with exit code 130. */
export class InterruptedError extends ComponentError<'interrupted'> {
  constructor(message: string) {
    super('interrupted', message)
  }
}

/** Exit codes of every command (DESIGN section 7). */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const

/** Codes of component errors that mean "the request is wrong" rather than "the work failed". */
const USAGE_CODES: ReadonlySet<string> = new Set([
  'usage',
  'bad-url',
  'bad-key',
  'bad-option',
  'bad-target',
  'bad-listen',
  'bad-filter',
  'bad-definition',
  'bad-params',
  'bad-config',
  'bad-lookup',
  'bad-bundle',
])

/** The exit code that an error ends the process with. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof ComponentError)) return EXIT.failed
  if (error.code === 'interrupted') return EXIT.interrupted
  return USAGE_CODES.has(error.code) ? EXIT.usage : EXIT.failed
}

/** The message of an error in one line (a list of problems: one each), with those of its causes that it does not repeat. */
export function messageOf(error: unknown): string {
  if (error instanceof ComponentError && typeof error.details.problems === 'number') return error.message
  const parts: string[] = []
  for (let at: unknown = error; at !== undefined && at !== null; at = at instanceof Error ? at.cause : undefined) {
    const text = (at instanceof Error ? at.message || at.name : String(at)).replace(/\s*\n\s*/g, ' ')
    const bare = text.replace(/^[a-z]+: /, '') // where a message is passed on, the component is often left out
    if (!parts.some((part) => part.includes(bare))) parts.push(text)
  }
  return parts.join(': ')
}

/** The command that an error suggests, when its message does not hold it yet. */
export function commandOf(error: unknown): string | undefined {
  if (!(error instanceof ComponentError)) return undefined
  const { command } = error.details
  return typeof command === 'string' && !error.message.includes(command) ? command : undefined
}
