import { UsageError } from '../errors.ts'

/** When a daemon compacts what it has stored: after every hour, and as soon as there are so many new blocks when a number is given. */
export interface CompactionPolicy {
  readonly blocks: number | undefined
}

/** What is to be compacted: the hours that are over, or all that there is. */
export type CompactionKind = 'sealed' | 'all'

const HOUR_MS = 3_600_000
/** After the end of an hour, until the rolls of all collectors that were open then are committed. */
const SETTLE_MS = 5 * 60_000
/** After a compaction that failed. */
const RETRY_MS = 5 * 60_000

/** Reads `--compact`: `sealed`, or a number of blocks from 2 on. */
export function parsePolicy(text: string): CompactionPolicy {
  if (text === 'sealed') return { blocks: undefined }
  const blocks = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (blocks < 2) throw new UsageError(`expected sealed or a number of blocks from 2 on, got ${text}`)
  return { blocks }
}

/** Says when it is time to compact. Times are milliseconds, of one clock. */
export class CompactionSchedule {
  readonly #policy: CompactionPolicy
  /** When the hours that are over are compacted next: first at once, for what earlier daemons left. */
  #sealedAt: number
  /** Nothing is done before. */
  #notBefore = Number.NEGATIVE_INFINITY
  /** Blocks that had been stored when all were compacted last. */
  #blocks = 0

  constructor(policy: CompactionPolicy, now: number) {
    this.#policy = policy
    this.#sealedAt = now
  }

  /** What is due, `blocks` being how many the daemon has stored so far. */
  due(now: number, blocks: number): CompactionKind | undefined {
    if (now < this.#notBefore) return undefined
    if (this.#policy.blocks !== undefined && blocks - this.#blocks >= this.#policy.blocks) return 'all'
    return now >= this.#sealedAt ? 'sealed' : undefined
  }

  /** What was begun when so many blocks had been stored has been done. */
  done(kind: CompactionKind, now: number, blocks: number): void {
    if (kind === 'all') this.#blocks = blocks
    else this.#sealedAt = now - (now % HOUR_MS) + HOUR_MS + SETTLE_MS
  }

  failed(now: number): void {
    this.#notBefore = now + RETRY_MS
  }
}
