import { constants } from 'node:os'
import { countOf } from '../../report/number.ts'
import type { CompactSummary } from '../../storage/compact/compact.ts'
import { CommandProcess } from '../command-process.ts'
import type { CompactionKind, CompactionPolicy } from './schedule.ts'
import { CompactionSchedule } from './schedule.ts'

export interface CompactorOptions {
  readonly policy: CompactionPolicy
  /** Which store, as options of the command line. */
  readonly store: readonly string[]
  /** Blocks that the daemon has stored so far; undefined until it has opened the store. */
  blocks(): number | undefined
  say(message: string): void
  warn(message: string): void
}

const LOOK_MS = 1000
/** Of the process that compacts: one thread, as little memory as a group of blocks needs. */
const MEMORY = '256MB'

/**
 * Compacts beside a daemon: `flowreduce compact` as a process of its own and of the lowest priority, so that receiving never waits for it. What it does is atomic, and safe beside other
 * compactors, so it may be ended at any time.
 */
export class Compactor {
  readonly #options: CompactorOptions
  readonly #schedule: CompactionSchedule
  readonly #timer: NodeJS.Timeout
  #process: CommandProcess | undefined
  #running: Promise<void> | undefined
  #isStopped = false

  constructor(options: CompactorOptions) {
    this.#options = options
    this.#schedule = new CompactionSchedule(options.policy, Date.now())
    this.#timer = setInterval(() => this.#look(), LOOK_MS)
  }

  /** Ends what is running, which leaves the store as it was before the group of blocks at hand. */
  async stop(): Promise<void> {
    this.#isStopped = true
    clearInterval(this.#timer)
    this.#process?.stop('SIGKILL')
    await this.#running
  }

  #look(): void {
    const blocks = this.#options.blocks()
    if (this.#running || blocks === undefined) return
    const kind = this.#schedule.due(Date.now(), blocks)
    if (kind === undefined) return
    this.#running = this.#compact(kind, blocks).finally(() => {
      this.#running = undefined
    })
  }

  async #compact(kind: CompactionKind, blocks: number): Promise<void> {
    const { policy, store, say, warn } = this.#options
    const which = kind === 'all' ? ['--all', '--min-blocks', String(policy.blocks)] : []
    const limits = ['--workers', '1', '--memory', MEMORY]
    const args = ['compact', ...store, ...which, ...limits, '--quiet', '--format', 'json', '--log-format', 'text']
    try {
      this.#process = new CommandProcess(args, { priority: constants.priority.PRIORITY_LOW })
      const { compacted } = JSON.parse(await this.#process.output()) as { compacted: CompactSummary } // what `compact --format json` prints
      this.#schedule.done(kind, Date.now(), blocks)
      if (compacted.blocksBefore > 0) say(told(compacted))
    } catch (error) {
      if (this.#isStopped) return
      this.#schedule.failed(Date.now())
      warn(`compaction is tried again in five minutes: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
}

const told = ({ blocksBefore, blocksAfter, records }: CompactSummary): string =>
  `compacted ${countOf(blocksBefore, 'block')} (${countOf(records, 'flow')}) into ${countOf(blocksAfter, 'block')}`
