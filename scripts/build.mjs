// Builds dist/: the command line and the worker as split, minified bundles, the library entries, and their type declarations.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
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
  'ingest-worker': 'src/ingest/daemon/worker.ts',
  testing: 'src/testing.ts',
}

/** Half of zod is messages in forty languages; the bundles of jobs leave them out too (src/runtime/bundle/plugin.ts). */
const englishOnly = {
  name: 'english-only',
  setup(build) {
    build.onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, ({ path }) => ({
      contents: "export { default as en } from './en.js'",
      resolveDir: dirname(path),
    }))
  },
}

const common = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  keepNames: true,
  sourcemap: true,
  logLevel: 'warning',
}

await build({
  ...common,
  entryPoints: Object.fromEntries(Object.entries(entries).filter(([, path]) => existsSync(path))),
  outdir: 'dist',
  splitting: true,
  plugins: [englishOnly],
  minify: true,
  chunkNames: 'chunks/[name]-[hash]',
  // Native code, code that finds its own files, and what is only loaded on demand stays in node_modules.
  external: ['snappy', 'piscina', 'esbuild', '@aws-sdk/client-s3', 'avsc', 'yaml'],
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
})
// The vocabulary by itself: job bundles contain it, with the zod that stands beside it in node_modules.
await build({ ...common, entryPoints: ['src/index.ts'], outfile: 'dist/index.js', external: ['zod'] })
chmodSync('dist/cli.js', 0o755)

run('node_modules/.bin/tsc', ['-p', 'tsconfig.types.json'])
// The built-in jobs, bundled as any job file is, so that workers load them the same way.
run(process.execPath, ['scripts/run-ts.mjs', 'scripts/build-jobs.ts'])
rmSync('dist/scripts', { recursive: true })
