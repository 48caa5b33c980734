import { renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import type { Script } from 'node:vm'
import { isMainThread } from 'node:worker_threads'
import { cacheOf, compilePiece } from '../../launch.ts'
import { PROVIDED } from './provided.ts'
import { nameOf } from './trace.ts'

/** Bundles of this thread, evaluated once each. */
const evaluated = new Map<string, unknown>()
/** Those without compiled code. */
const fresh = new Map<string, Script>()

/** What a bundle exports. It has everything in it but modules of Node and what is provided. Throws what its code throws. */
export function evaluateBundle(path: string): unknown {
  const known = evaluated.get(path)
  if (known) return known
  const url = pathToFileURL(path).href
  const { script, body, hasCode } = compilePiece(path, nameOf(path))
  const module: { exports: unknown } = { exports: {} }
  const load = (specifier: string): unknown => PROVIDED.get(specifier) ?? createRequire(url)(specifier)
  body(module.exports, load, module, url)
  evaluated.set(path, module.exports)
  if (isMainThread && !hasCode) {
    if (fresh.size === 0) process.once('exit', keepCode)
    fresh.set(path, script)
  }
  return module.exports
}

/** Keeps the code that V8 compiled of bundles beside them, for later runs and their workers; best effort. */
function keepCode(): void {
  for (const [path, script] of fresh) {
    const temporary = `${cacheOf(path)}.${process.pid}`
    try {
      writeFileSync(temporary, script.createCachedData())
      renameSync(temporary, cacheOf(path))
    } catch {
      // It is compiled again, as it is called.
    }
  }
}
