// run-ts FILE.ts [ARGUMENT...]: bundles a TypeScript program of this repository and runs it in this Node.
import { mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const [file, ...rest] = process.argv.slice(2)
if (!file) throw new Error('usage: node scripts/run-ts.mjs FILE.ts [ARGUMENT...]')
const outfile = join(root, 'dist', 'scripts', `${basename(file, '.ts')}.mjs`)
mkdirSync(join(root, 'dist', 'scripts'), { recursive: true })
await build({
  entryPoints: [file],
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  sourcemap: 'inline',
  logLevel: 'warning',
})
process.argv.splice(1, process.argv.length - 1, outfile, ...rest)
await import(pathToFileURL(outfile).href)
