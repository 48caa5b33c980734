import { InterruptedError } from './errors.ts'

/** The signals by which a user or a supervisor asks a command to stop. */
const STOP_SIGNALS = ['SIGINT', 'SIGTERM'] as const

export interface StopRequest {
  /** Aborted by the first stop signal. */
  readonly signal: AbortSignal
  /** Stops listening. */
  done(): void
}

/** Listens for stop signals: the first calls `onStop` and asks for a clean stop, a second one ends the process at once. */
export function listenForStop(onStop: () => void = () => {}): StopRequest {
  const controller = new AbortController()
  const handle = (): void => {
    if (controller.signal.aborted) process.exit(130)
    controller.abort(new InterruptedError('interrupted'))
    onStop()
  }
  for (const name of STOP_SIGNALS) process.on(name, handle)
  return {
    signal: controller.signal,
    done() {
      for (const name of STOP_SIGNALS) process.off(name, handle)
    },
  }
}
