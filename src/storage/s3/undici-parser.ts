import { createRequire } from 'node:module'
import { setFlagsFromString } from 'node:v8'
import { isMainThread } from 'node:worker_threads'

/** What has V8 compile functions when they are called, and hot ones anew. */
const TIERS = ['wasm-lazy-compilation', 'wasm-tier-up', 'wasm-dynamic-tiering']

/**
 * The parser that undici will ask for, as the first of V8's compilers makes it, whole. It is one function of a hundred states, for which the second takes 0.3 s of every process, and reads an
 * answer in 5 microseconds as it is. A process has a module once, in whatever thread it is asked for; the main thread has it before there are others whose modules could be meant by the flags.
 */
export const undiciParser = isMainThread ? compileOnce('undici/lib/llhttp/llhttp_simd-wasm.js') : undefined

function compileOnce(file: string): WebAssembly.Module {
  const bytes: Uint8Array = createRequire(import.meta.url)(file)
  for (const flag of TIERS) setFlagsFromString(`--no-${flag}`)
  try {
    return new WebAssembly.Module(bytes)
  } finally {
    for (const flag of TIERS) setFlagsFromString(`--${flag}`)
  }
}
