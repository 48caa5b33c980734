import { spawn } from 'node:child_process'
import { onTestFinished } from 'vitest'
import { CLI } from './command.ts'

/** A command on a terminal of its own, made by `script` of util-linux: what it prints, and keys pressed. */
export class Terminal {
  readonly #child
  #screen = ''
  #ended = false
  readonly #watchers = new Set<() => void>()
  /** The exit code, once it has ended: 128 and the signal when it was ended by one. */
  readonly finished: Promise<number | null>

  constructor(args: readonly string[]) {
    const command = [process.execPath, CLI, ...args].map((word) => `'${word}'`).join(' ')
    const env = { ...process.env, FLOWREDUCE_SLOTS: '1000' }
    this.#child = spawn('script', ['-qfec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'], env })
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#screen += text
      for (const watch of this.#watchers) watch()
    })
    this.finished = new Promise((resolve, reject) => {
      this.#child.on('error', reject)
      this.#child.on('close', (code) => {
        this.#ended = true
        for (const watch of this.#watchers) watch()
        resolve(code)
      })
    })
    onTestFinished(async () => {
      if (this.#ended) return
      this.#child.kill('SIGKILL')
      await this.finished
    })
  }

  /** All that was printed so far, with `<` where the terminal's cursor goes back to the start of a line that is wiped. */
  get screen(): string {
    return this.#screen.replaceAll('\r\x1b[2K', '<')
  }

  /** Resolves with the match once it was printed; rejects when the command ends without it. */
  seen(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const watch = (): void => {
        const match = pattern.exec(this.screen)
        if (match === null && !this.#ended) return
        this.#watchers.delete(watch)
        if (match) resolve(match)
        else reject(new Error(`${pattern} never appeared:\n${this.screen}`))
      }
      this.#watchers.add(watch)
      watch()
    })
  }

  /** Presses Ctrl-C: the terminal sends SIGINT to all of its processes. */
  interrupt(): void {
    this.#child.stdin.write('\x03')
  }
}
