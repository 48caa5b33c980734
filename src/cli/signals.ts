import { InterruptedError } from './errors.ts'

/** The signals by which a user or a supervisor asks a command to stop. */
const STOP_SIGNALS = ['SIGINT', 'SIGTERM'] as const

export interface StopRequest {
  /** Aborted by the first stop signal. */
  readonly signal: AbortSignal
  /** Stops listening. */
  done(): void
}

/**
 * Listens for stop signals: the first calls `onStop` and asks for a clean stop. A second one ends the process at once, by that signal (130 in a shell): an exit would wait
 * for worker threads, and one that is in a system call does not end before that does.
 */
export function listenForStop(onStop: () => void = () => {}): StopRequest {
  const controller = new AbortController()
  const done = (): void => {
    for (const name of STOP_SIGNALS) process.off(name, handle)
  }
  const handle = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      done()
      process.kill(process.pid, name)
      return
    }
    controller.abort(new InterruptedError('interrupted'))
    onStop()
  }
  for (const name of STOP_SIGNALS) process.on(name, handle)
  return { signal: controller.signal, done }
}
