import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where this flowreduce lies on disk. */
export interface Installation {
  readonly root: string
  readonly version: string
  /** Folder of the code that runs now: `dist` or `src`. */
  readonly code: string
}

let known: Installation | undefined

/** Finds the installation that this code is part of. */
export function installation(): Installation {
  known ??= find(dirname(fileURLToPath(import.meta.url)))
  return known
}

function find(start: string): Installation {
  for (let root = start; ; root = dirname(root)) {
    const manifest = join(root, 'package.json')
    // That of dist only says what kind of modules lie there.
    if (existsSync(manifest) && basename(root) !== 'dist') {
      const { version }: { version: string } = JSON.parse(readFileSync(manifest, 'utf8'))
      return { root, version, code: join(root, start.startsWith(join(root, 'dist')) ? 'dist' : 'src') }
    }
    if (root === dirname(root)) throw new Error(`bundle: expected a package.json above ${start}, got none`)
  }
}
