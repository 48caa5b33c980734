import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Kernels } from './kernels.ts'
import { isShared, type KernelMemory } from './memory.ts'

let compiled: WebAssembly.Module | undefined
let compiledShared: WebAssembly.Module | undefined

/** Instantiates the WebAssembly kernels over `memory`; the module is compiled once per thread, and once for shared memory. */
export function loadKernels({ memory }: KernelMemory): Kernels {
  const { exports } = new WebAssembly.Instance(moduleFor(memory), { env: { memory } })
  return exports as unknown as Kernels // checked by the property tests, which call every one of them
}

function moduleFor(memory: WebAssembly.Memory): WebAssembly.Module {
  if (isShared(memory)) {
    compiledShared ??= new WebAssembly.Module(importShared(readFileSync(moduleFile())))
    return compiledShared
  }
  compiled ??= new WebAssembly.Module(readFileSync(moduleFile()))
  return compiled
}

/** The import of a memory with a maximum, as it stands in the module: names behind their lengths, the kind, and the flags of its limits. */
const IMPORT = Buffer.from('\x03env\x06memory\x02\x01', 'latin1')
const SHARED = 3

/** The same module with shared memory: a flag of its import is all that differs. Kernels that keep something in static memory must not run in two threads over one memory. */
function importShared(bytes: Buffer): Buffer {
  const at = bytes.indexOf(IMPORT)
  if (at < 0) throw new Error('kernels: import of a memory expected in kernels.wasm, got none')
  bytes[at + IMPORT.length - 1] = SHARED
  return bytes
}

/** Has V8 compile the kernels on threads of its own while this one loads other code; `loadKernels` compiles them itself when it comes first, and tells what is wrong. */
export function compileKernels(): void {
  WebAssembly.compile(readFileSync(moduleFile())).then(
    (module) => {
      compiled ??= module
    },
    () => undefined,
  )
}

/** dist/kernels.wasm of this installation, whether this code runs from src/ or from dist/. */
function moduleFile(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  for (;;) {
    const file = join(folder, 'dist', 'kernels.wasm')
    if (existsSync(file)) return file
    const parent = dirname(folder)
    if (parent === folder)
      throw new Error('kernels: dist/kernels.wasm expected in the installation, got none; run npm run build')
    folder = parent
  }
}
