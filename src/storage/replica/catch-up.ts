import { mergeLists } from './merge-list.ts'
import { readIfThere, type Volume, writeOnce } from './volume.ts'

/** The commit log. A commit rests on those before it, so a volume that has one must have all before it too. */
export const LOG_PREFIX = 'manifest/'

/** Objects that stand in for commits once those are removed. */
const CHECKPOINT_PREFIXES = [LOG_PREFIX, 'checkpoint/', 'page/']

/** True for the objects from which snapshots are read. */
export function isManifestKey(key: string): boolean {
  return CHECKPOINT_PREFIXES.some((prefix) => key.startsWith(prefix))
}

/**
 * Brings followers up to the primary in what snapshots are read from. Without it, a writer that dies between the primary and the others leaves a commit
 * on the primary alone; the next commit, on all volumes, would rest on one that is lost with the primary.
 */
export class CatchUp {
  /** By epoch and slot: the last commit up to which a volume is known to have all. */
  private readonly marks = new Map<string, string>()
  /** By epoch and slot: the run under way, for one at a time is enough. */
  private readonly running = new Map<string, Promise<void>>()
  /** By epoch and slot: whether checkpoints were compared since one was last read or written. */
  private readonly compared = new Set<string>()

  /** Sees to it that `follower` has every commit before `key` that the primary has. */
  async commits(epoch: number, primary: Volume, follower: Volume, key: string): Promise<void> {
    const name = `${epoch}:${follower.slot}`
    while ((this.marks.get(name) ?? '') < key) {
      const under = this.running.get(name)
      if (under) {
        await under.catch(() => undefined)
        continue
      }
      const run = this.commitsNow(name, primary, follower, key).finally(() => this.running.delete(name))
      this.running.set(name, run)
      await run
    }
  }

  /** As `commits`, with `key` itself. */
  async commitsThrough(epoch: number, primary: Volume, follower: Volume, key: string): Promise<void> {
    const mark = this.marks.get(`${epoch}:${follower.slot}`) ?? ''
    if (mark >= key) return
    await this.commits(epoch, primary, follower, key)
    const bytes = await primary.use((store) => readIfThere(store, key))
    if (bytes) await follower.use((store) => writeOnce(store, key, bytes))
  }

  private async commitsNow(name: string, primary: Volume, follower: Volume, key: string): Promise<void> {
    const mark = this.marks.get(name) ?? ''
    await copyMissing(primary, follower, { prefix: LOG_PREFIX, startAfter: mark, before: key })
    this.marks.set(name, key)
  }

  /** Tells that checkpoints may be new. */
  touched(key: string): void {
    if (isManifestKey(key) && !key.startsWith(LOG_PREFIX)) this.compared.clear()
  }

  /** Sees to it, before the first of what snapshots are read from is removed, that `follower` has what stands in for it. */
  async everything(epoch: number, primary: Volume, follower: Volume): Promise<void> {
    const name = `${epoch}:${follower.slot}`
    if (this.compared.has(name)) return
    for (const prefix of CHECKPOINT_PREFIXES) await copyMissing(primary, follower, { prefix, startAfter: '' })
    this.compared.add(name)
  }
}

interface CopyRange {
  readonly prefix: string
  readonly startAfter: string
  /** Where to stop; without it at the end. */
  readonly before?: string
}

/** Copies what the primary has in a range of keys and the follower has not. What the follower has stays: it may know better, after a promotion. */
async function copyMissing(
  primary: Volume,
  follower: Volume,
  { prefix, startAfter, before }: CopyRange,
): Promise<void> {
  const lists = [primary, follower].map((volume) => volume.store.list(prefix, startAfter))
  for await (const { entry, sources } of mergeLists(lists)) {
    if (before !== undefined && entry.key >= before) return
    if (sources.length === 2 || !sources.includes(0)) continue
    const bytes = await primary.use((store) => readIfThere(store, entry.key))
    if (bytes) await follower.use((store) => writeOnce(store, entry.key, bytes))
  }
}
