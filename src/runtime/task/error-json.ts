import type { ErrorDetails } from '../../flow/component-error.ts'
import { ComponentError } from '../../flow/component-error.ts'

/** An error as plain data, to cross threads and processes and to be kept in a run: name, code, details, stack, and the chain of causes. */
export interface SerializedError {
  readonly name: string
  readonly message: string
  readonly code?: string
  readonly details?: ErrorDetails
  readonly stack?: string
  readonly cause?: SerializedError
}

const MAX_CAUSES = 8
const MAX_TEXT = 20_000

/** Makes plain data of anything that was thrown; never throws itself, whatever getters or proxies the thing has. */
export function serializeError(error: unknown, depth = 0): SerializedError {
  try {
    if (!(error instanceof Error)) return { name: 'Error', message: textOf(error) }
    const cause = error.cause === undefined || depth >= MAX_CAUSES ? undefined : serializeError(error.cause, depth + 1)
    const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
    return {
      name: cut(error.name),
      message: cut(error.message),
      ...(code === undefined ? {} : { code }),
      ...(error instanceof ComponentError ? { details: plainDetails(error.details) } : {}),
      ...(typeof error.stack === 'string' ? { stack: cut(error.stack) } : {}),
      ...(cause ? { cause } : {}),
    }
  } catch {
    return { name: 'Error', message: 'an error that cannot be read' }
  }
}

/** An error that came from another thread, process or run. */
export class RemoteError extends ComponentError {
  constructor({ name, message, code, details, stack, cause }: SerializedError) {
    super(code ?? 'error', message, details, cause && new RemoteError(cause))
    this.name = name
    if (stack !== undefined) this.stack = stack
  }
}

const cut = (text: unknown): string => String(text).slice(0, MAX_TEXT)

function textOf(value: unknown): string {
  if (typeof value === 'string') return cut(value)
  const json = typeof value === 'object' && value !== null ? JSON.stringify(value) : undefined
  return cut(json ?? String(value))
}

/** Details with what is not plain left out. */
function plainDetails(details: ErrorDetails): ErrorDetails {
  const plain = Object.entries(details).filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))
  return Object.fromEntries(plain)
}
