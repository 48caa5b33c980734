import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/** A flowreduce command as a process of its own. */
export class CommandProcess {
  readonly #child: ChildProcess
  readonly #args: readonly string[]
  readonly #closed: Promise<unknown>
  #stdout = ''
  #stderr = ''

  /** `onLine` gets the lines of its standard error. */
  constructor(args: readonly string[], onLine: (line: string) => void = () => {}) {
    this.#args = args
    this.#child = spawn(process.execPath, [process.argv[1]!, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#closed = once(this.#child, 'close')
    let rest = ''
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) onLine(line)
    })
  }

  /** What it printed, once it has ended well; an error with its last words otherwise. */
  async output(): Promise<string> {
    await this.#closed
    if (this.#child.exitCode === 0) return this.#stdout
    const words = this.#stderr.trim().split('\n').at(-1) ?? ''
    const ending = this.#child.signalCode ?? `exit code ${this.#child.exitCode}`
    throw new Error(`demo: flowreduce ${this.#args[0]} expected to end well, got ${ending}: ${words}`)
  }

  stop(): void {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGTERM')
  }
}

/** A daemon that listens. */
export interface Listening {
  readonly daemon: CommandProcess
  /** The address it took. */
  readonly target: string
}

/** Starts an ingest daemon and waits until it says where it listens. */
export function startDaemon(args: readonly string[], onWarning: (line: string) => void): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const daemon = new CommandProcess(['ingest', ...args], (line) => {
      const [, target] = /^listening on (\S+)$/.exec(line) ?? []
      if (target !== undefined) resolve({ daemon, target })
      else if (line.startsWith('warning: ')) onWarning(line)
    })
    daemon.output().then(() => reject(new Error('demo: daemon expected to listen, got its end')), reject)
  })
}
