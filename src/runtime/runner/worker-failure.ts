import { RuntimeError } from '../error.ts'

/** Tells apart what can become of a worker beside an error that its task caught: it left, ran out of memory, was terminated, or threw where nothing catches. */
export function workerFailure(error: unknown): RuntimeError {
  const message = error instanceof Error ? error.message : String(error)
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ERR_WORKER_OUT_OF_MEMORY')
    return new RuntimeError('out-of-memory', 'worker: heap expected within its limit, got out of memory', {}, error)
  const exit = /exited with code: (-?\d+)/.exec(message)
  if (exit) {
    const exitCode = Number(exit[1])
    return new RuntimeError(
      'worker-exited',
      `worker: task expected to return, got exit ${exitCode}`,
      { exitCode },
      error,
    )
  }
  if (/terminat/i.test(message))
    return new RuntimeError('worker-terminated', 'worker: task expected to return, got terminated', {}, error)
  return new RuntimeError(
    'worker-exited',
    `worker: task expected to return, got an uncaught error: ${message}`,
    {},
    error,
  )
}
