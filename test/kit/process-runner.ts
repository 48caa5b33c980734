import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { JournalEntry } from '../../src/runtime/run/journal.ts'
import type { AttemptSignals, Runner } from '../../src/runtime/runner/runner.ts'
import type { TaskDescription } from '../../src/runtime/task/description.ts'
import { RemoteError } from '../../src/runtime/task/error-json.ts'
import { CLI } from '../e2e/command.ts'

/** A runner as an outsider would write it: a file with the description, a process for each attempt, and what that prints. It shares no memory and no code with the task. */
export class ProcessRunner implements Runner {
  readonly slots: number
  /** Kinds of the tasks that were submitted. */
  readonly submitted: string[] = []
  readonly #folder: string

  constructor(folder: string, slots: number) {
    this.slots = slots
    this.#folder = folder
    mkdirSync(folder, { recursive: true })
  }

  async run(task: TaskDescription, { signal }: AttemptSignals): Promise<JournalEntry> {
    const spec = join(this.#folder, `${task.stage}-${task.task}-${task.attempt}.json`)
    writeFileSync(spec, JSON.stringify(task))
    this.submitted.push(task.type)
    const { code, stdout } = await finished(['task', '--spec', spec], signal)
    const reply = JSON.parse(stdout)
    if (code === 0) return reply
    throw new RemoteError(reply.error)
  }

  async close(): Promise<void> {}
}

function finished(
  args: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly code: number | null; readonly stdout: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CLI, ...args], { signal, stdio: ['ignore', 'pipe', 'inherit'] })
    let stdout = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout }))
  })
}
