import { type Started, type StartOptions, start } from './command.ts'

/** A daemon that listens. */
export interface Listening {
  readonly daemon: Started
  /** `udp://127.0.0.1:PORT` */
  readonly target: string
}

/** A status line of a daemon that has its store: one that has not would leave everything in the spool when it is ended. */
export const OPENED = /in \d+ commits?(?!.*not answered).*\n/

/** Starts `flowreduce ingest` on a free port of the loopback address and waits until it listens. */
export async function startDaemon(options: readonly string[], startOptions: StartOptions = {}): Promise<Listening> {
  const daemon = start(['ingest', '--listen', 'udp://127.0.0.1:0', ...options], startOptions)
  const [, target = ''] = await daemon.seen(/listening on (udp:[^,\s]+)/)
  return { daemon, target }
}
