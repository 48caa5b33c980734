import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** The built command line; `npm test` builds it first. */
export const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

export interface Finished {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface StartOptions {
  readonly cwd?: string
  readonly env?: { readonly [name: string]: string | undefined }
}

/** A started command: a real process, whose output is collected and whose standard error can be waited on. */
export class Started {
  readonly child: ChildProcess
  readonly finished: Promise<Finished>
  #stdout = ''
  #stderr = ''
  #ended = false
  readonly #watchers = new Set<() => void>()

  constructor(args: readonly string[], { cwd, env }: StartOptions = {}) {
    if (!existsSync(CLI)) throw new Error(`${CLI} is missing: run npm run build`)
    this.child = spawn(process.execPath, [CLI, ...args], {
      ...(cwd === undefined ? {} : { cwd }),
      // Tests that run at the same time do not wait for each other.
      env: { ...process.env, FLOWREDUCE_SLOTS: '1000', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text
    })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
      for (const watch of this.#watchers) watch()
    })
    this.finished = new Promise((resolve, reject) => {
      this.child.on('error', reject)
      this.child.on('close', (code, signal) => {
        this.#ended = true
        for (const watch of this.#watchers) watch()
        resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr })
      })
    })
  }

  /** Resolves with the match once standard error holds the pattern; rejects when the process ends without it. */
  seen(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const watch = (): void => {
        const match = pattern.exec(this.#stderr)
        if (match === null && !this.#ended) return
        this.#watchers.delete(watch)
        if (match) resolve(match)
        else reject(new Error(`${pattern} never appeared:\n${this.#stderr}`))
      }
      this.#watchers.add(watch)
      watch()
    })
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }
}

/** Starts the command line; a process still there at the end of the test is ended. */
export function start(args: readonly string[], options: StartOptions = {}): Started {
  const started = new Started(args, options)
  onTestFinished(async () => {
    if (started.child.exitCode === null && started.child.signalCode === null) started.kill('SIGKILL')
    await started.finished.catch(() => {})
  })
  return started
}

/** Runs a command to its end. */
export function flowreduce(args: readonly string[], options: StartOptions = {}): Promise<Finished> {
  return start(args, options).finished
}

/** Runs a command that must succeed and gives what it prints, parsed as JSON. */
export async function flowreduceJson<T>(args: readonly string[], options: StartOptions = {}): Promise<T> {
  const { code, stdout, stderr } = await flowreduce([...args, '--format', 'json'], options)
  if (code !== 0) throw new Error(`flowreduce ${args.join(' ')} ended with ${code}:\n${stderr}`)
  return JSON.parse(stdout)
}

/** A folder of its own for one test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'flowreduce-e2e-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}
