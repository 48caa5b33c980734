import { linkSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Holder } from '../../storage/lease.ts'
import { isProcessRunning, thisProcess } from '../../storage/lease.ts'
import { makeFolder } from '../../storage/make-folder.ts'
import type { Claim } from './claim.ts'
import { grantClaims } from './claim.ts'

/** Versions kept behind the newest, for who is just reading one. */
const KEPT = 8
const DIGITS = 12

/**
 * The claims of all runs of one user on one machine, as a log of versions in a folder, each a file with all claims. A change reads the newest version and makes the
 * next with `link()`, which fails when another process was quicker: then it is tried again, so there is no lock that a dead process could leave. Claims of processes
 * that are gone fall out with the next change. Nothing is synced: the claims of a machine that stops are over with it.
 */
export class ClaimRegistry {
  readonly #folder: string
  readonly #self = thisProcess()
  #files = 0

  constructor(folder: string) {
    this.#folder = folder
  }

  /** The claims of processes that run. */
  claims(): readonly Claim[] {
    return this.#newest().claims
  }

  /** Replaces the claims by what `edit` makes of them, and grants what then fits. Gives the claims as they are after it. */
  change(edit: (claims: readonly Claim[]) => readonly Claim[]): readonly Claim[] {
    makeFolder(this.#folder)
    for (;;) {
      const { version, claims } = this.#newest()
      const next = grantClaims(edit(claims))
      if (this.#write(version + 1, next)) {
        this.#clear(version - KEPT)
        // A process that slept while others made and cleared many versions may have written one that nobody will read.
        if (this.#newest().version === version + 1 || this.#holds(next)) return next
      }
    }
  }

  /** Whether the newest version has followed from this one: every claim of it by this process is there and no other. */
  #holds(expected: readonly Claim[]): boolean {
    const own = (claims: readonly Claim[]): string =>
      claims
        .filter(({ holder }) => holder.pid === process.pid)
        .map(({ id }) => id)
        .sort()
        .join()
    return own(this.#newest().claims) === own(expected)
  }

  #newest(): { readonly version: number; readonly claims: readonly Claim[] } {
    for (;;) {
      const version = this.#versions().at(-1)
      if (version === undefined) return { version: 0, claims: [] }
      try {
        const claims: readonly Claim[] = JSON.parse(readFileSync(this.#path(version), 'utf8'))
        return { version, claims: claims.filter(({ holder }) => this.#isRunning(holder)) }
      } catch (error) {
        // Cleared between the listing and the reading: there are newer ones.
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
      }
    }
  }

  /** This process is no question; any other takes a look into /proc. */
  #isRunning(holder: Holder): boolean {
    const { pid, started } = this.#self
    return (holder.pid === pid && holder.started === started) || isProcessRunning(holder)
  }

  #versions(): readonly number[] {
    try {
      const names = readdirSync(this.#folder).filter((name) => /^\d+\.json$/.test(name))
      return names.map((name) => Number.parseInt(name, 10)).sort((a, b) => a - b)
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
      throw error
    }
  }

  #write(version: number, claims: readonly Claim[]): boolean {
    const temporary = join(this.#folder, `${process.pid}-${this.#files++}.tmp`)
    try {
      writeFileSync(temporary, JSON.stringify(claims))
      linkSync(temporary, this.#path(version))
      return true
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
      throw error
    } finally {
      rmSync(temporary, { force: true })
    }
  }

  /** Removes old versions, and what processes that were killed had begun to write. */
  #clear(upTo: number): void {
    for (const name of readdirSync(this.#folder)) {
      const [, writer] = /^(\d+)-\d+\.tmp$/.exec(name) ?? []
      const isOver =
        writer === undefined
          ? Number.parseInt(name, 10) <= upTo
          : !isProcessRunning({ host: '', pid: Number(writer), started: null })
      if (isOver) rmSync(join(this.#folder, name), { force: true })
    }
  }

  #path(version: number): string {
    return join(this.#folder, `${String(version).padStart(DIGITS, '0')}.json`)
  }
}
