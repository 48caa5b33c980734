import { CommandProcess } from '../command-process.ts'

/** A daemon that listens. */
export interface Listening {
  readonly daemon: CommandProcess
  /** The address it took. */
  readonly target: string
}

/** Starts an ingest daemon and waits until it says where it listens. */
export function startDaemon(args: readonly string[], onWarning: (line: string) => void): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const onLine = (line: string): void => {
      const [, target] = /^listening on (\S+)$/.exec(line) ?? []
      if (target !== undefined) resolve({ daemon, target })
      else if (line.startsWith('warning: ')) onWarning(line)
    }
    const daemon = new CommandProcess(['ingest', ...args], { onLine })
    daemon.output().then(() => reject(new Error('demo: daemon expected to listen, got its end')), reject)
  })
}
