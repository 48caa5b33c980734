import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setPriority } from 'node:os'

export interface CommandProcessOptions {
  /** Gets the lines of its standard error. */
  readonly onLine?: (line: string) => void
  /** Niceness, -20 to 19: 19 leaves the processors to everybody else. */
  readonly priority?: number
}

/** A flowreduce command as a process of its own. */
export class CommandProcess {
  readonly #child: ChildProcess
  readonly #args: readonly string[]
  readonly #closed: Promise<unknown>
  #stdout = ''
  #stderr = ''

  constructor(args: readonly string[], { onLine = () => {}, priority }: CommandProcessOptions = {}) {
    this.#args = args
    this.#child = spawn(process.execPath, [process.argv[1]!, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    if (priority !== undefined && this.#child.pid !== undefined) setPriority(this.#child.pid, priority)
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
    throw new Error(`flowreduce ${this.#args[0]}: expected to end well, got ${ending}: ${words}`)
  }

  stop(signal: NodeJS.Signals = 'SIGTERM'): void {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill(signal)
  }
}
