import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Script } from 'node:vm'

/** A piece of a program: a CommonJS module, as one function expression. */
export interface Piece {
  readonly path: string
  readonly script: Script
}

/** A program of dist/ that has been started. */
export interface Launched<Exports> {
  /** What the first piece exports, also to who requires the program by its path. */
  exports: Exports
  /** What it has loaded so far; from these the build takes the code that V8 has compiled. */
  readonly pieces: readonly Piece[]
}

/** Where the code that V8 compiled of a piece lies. */
export const cacheOf = (path: string): string => `${path.slice(0, -3)}cache`

/**
 * Starts a program of the installation, the piece `NAME.cjs` beside the file `own`. Pieces are loaded with the code that V8 compiled of them when they were built: parsing and compiling
 * were most of what starting took. Another version of V8, or other flags, refuse that code; then it is compiled as it is called. A piece may load a part of another
 * (`./PIECE.cjs/PART`), use a part of the first (`shared/PART`), or require its own program; `load` imports everything else.
 */
export function launch<Exports>(
  name: string,
  own: string,
  load: (specifier: string) => Promise<unknown>,
): Launched<Exports> {
  const pieces: Piece[] = []
  const modules = new Map<string, Parts>()
  const require = createRequire(own)
  const first = join(dirname(own), `${name}.cjs`)
  const start = (path: string): Parts => {
    const known = modules.get(path)
    if (known) return known
    const { script, body } = compilePiece(path)
    pieces.push({ path, script })
    const module = { exports: {} as Parts }
    const use = (specifier: string): unknown => {
      if (specifier === own) return launched.exports
      const [, part] = SHARED.exec(specifier) ?? []
      return part === undefined ? require(specifier) : start(first)[part]
    }
    const fetch = async (specifier: string): Promise<unknown> => {
      const [, piece, part] = PART.exec(specifier) ?? []
      return piece === undefined || part === undefined ? load(specifier) : start(join(dirname(path), piece))[part]?.()
    }
    body(module.exports, use, module, pathToFileURL(path).href, fetch)
    modules.set(path, module.exports)
    return module.exports
  }
  const launched = { exports: start(first) as Exports, pieces } // what the entry of the program exports
  return launched
}

/** What a piece exports: parts of the first piece as they are, those of others as functions that load them. */
interface Parts {
  readonly [part: string]: (() => unknown) | undefined
}

const SHARED = /^shared\/(\w+)$/
const PART = /^\.\/([\w-]+\.cjs)\/(\w+)$/

/** Compiles a piece, with the code that V8 made of it before when that lies beside it and fits (`hasCode`); `filename` is what stacks call it. */
export function compilePiece(
  path: string,
  filename = path,
): { script: Script; body: (...parts: unknown[]) => void; hasCode: boolean } {
  const cachedData = readIfThere(cacheOf(path))
  // esbuild writes ASCII alone, so that one byte is one character.
  const script = new Script(readFileSync(path, 'latin1'), { filename, ...(cachedData ? { cachedData } : {}) })
  return { script, body: script.runInThisContext(), hasCode: script.cachedDataRejected === false }
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch {
    return undefined
  }
}
