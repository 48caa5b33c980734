/** An error as it crosses threads. */
export interface PlainError {
  readonly message: string
  readonly code: string | undefined
  readonly stack: string | undefined
}

export function plainError(error: unknown): PlainError {
  if (!(error instanceof Error)) return { message: String(error), code: undefined, stack: undefined }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return { message: error.message, code, stack: error.stack }
}

export function toError({ message, code, stack }: PlainError): Error {
  const error = Object.assign(new Error(message), code === undefined ? {} : { code })
  if (stack !== undefined) error.stack = stack
  return error
}
