// Builds dist/: the command line and the worker as split, minified bundles, the library entries, and their type declarations.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)

const run = (command, args) => {
  const { status } = spawnSync(command, args, { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

rmSync('dist', { recursive: true, force: true })

if (existsSync('assembly/kernels.ts')) {
  run('node_modules/.bin/asc', ['assembly/kernels.ts', '--config', 'assembly/asconfig.json'])
}

const entries = {
  cli: 'src/cli/main.ts',
  worker: 'src/runtime/worker.ts',
  index: 'src/index.ts',
  testing: 'src/testing.ts',
}

await build({
  entryPoints: Object.fromEntries(Object.entries(entries).filter(([, path]) => existsSync(path))),
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  minify: true,
  keepNames: true,
  sourcemap: true,
  chunkNames: 'chunks/[name]-[hash]',
  // Native code, code that finds its own files, and what is only loaded on demand stays in node_modules.
  external: ['snappy', 'piscina', 'esbuild', '@aws-sdk/client-s3', 'avsc'],
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  logLevel: 'warning',
})
chmodSync('dist/cli.js', 0o755)

run('node_modules/.bin/tsc', ['-p', 'tsconfig.types.json'])
