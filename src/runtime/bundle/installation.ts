import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where this flowreduce lies on disk. */
export interface Installation {
  readonly root: string
  readonly version: string
  /** The module that `flowreduce` stands for in a job file: the built one, or the source when running from source. */
  readonly vocabulary: string
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
      const code = join(root, start.startsWith(join(root, 'dist')) ? 'dist' : 'src')
      return { root, version, code, vocabulary: join(code, code.endsWith('dist') ? 'index.mjs' : 'index.ts') }
    }
    if (root === dirname(root)) throw new Error(`bundle: expected a package.json above ${start}, got none`)
  }
}
