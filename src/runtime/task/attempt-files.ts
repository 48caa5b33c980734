import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** The files of one task attempt: its run file, and temporary ones that go with it when it ends. */
export class AttemptFiles {
  /** Where the attempt leaves its run file. */
  readonly runFile: string
  readonly #temporary: string
  #count = 0

  /** `name` is unique among all attempts that share the folder. */
  constructor(folder: string, name: string) {
    this.runFile = join(folder, `${name}.run`)
    this.#temporary = join(folder, `${name}.tmp`)
  }

  /** A new path for a spill. */
  nextPath(): string {
    if (this.#count === 0) mkdirSync(this.#temporary, { recursive: true })
    return join(this.#temporary, `${this.#count++}.run`)
  }

  /** Removes what is temporary; with `failed` the run file too. */
  clean({ failed }: { readonly failed: boolean }): void {
    if (this.#count > 0) rmSync(this.#temporary, { recursive: true, force: true })
    if (failed) rmSync(this.runFile, { force: true })
  }
}
