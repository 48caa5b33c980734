import { type ChildProcess, spawn } from 'node:child_process'
import { onTestFinished } from 'vitest'
import { pause } from '../../kit/udp.ts'

/** A program of another project that runs until it is told to end. */
export class Program {
  readonly #name: string
  readonly #child: ChildProcess
  readonly #ended: Promise<number | null>
  #output = ''

  constructor(name: string, args: readonly string[]) {
    this.#name = name
    this.#child = spawn(name, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text
      })
    }
    this.#ended = new Promise((resolve, reject) => {
      this.#child.on('error', reject)
      this.#child.on('close', resolve)
    })
    this.#ended.catch(() => undefined)
    onTestFinished(() => void this.#child.kill('SIGKILL'))
  }

  /** Starts a program that must read a network interface. */
  static asRoot(name: string, args: readonly string[]): Program {
    return process.getuid?.() === 0 ? new Program(name, args) : new Program('sudo', ['-n', name, ...args])
  }

  /** Waits until `ready` holds; rejects when the program ends before. */
  async until(ready: () => boolean | Promise<boolean>): Promise<void> {
    for (let round = 0; !(await ready()); round++) {
      if (this.#child.exitCode !== null || round > 500) throw this.#failure('to be ready')
      await Promise.race([pause(20), this.#ended])
    }
  }

  /** Waits for the end; rejects unless the program ends with 0. */
  async end(signal?: NodeJS.Signals): Promise<string> {
    if (signal) this.#child.kill(signal)
    if ((await this.#ended) !== 0) throw this.#failure('to end with 0')
    return this.#output
  }

  #failure(what: string): Error {
    return new Error(`peers: ${this.#name} expected ${what}, got ${this.#child.exitCode}: ${this.#output}`)
  }
}
