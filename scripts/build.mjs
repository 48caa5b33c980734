// Builds dist/: the command line and the workers as programs, the library entries, and their type declarations. Does nothing when they are there.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { inputsOf, isBuilt, noteBuilt } from './fingerprint.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)

const run = (command, args) => {
  const { status } = spawnSync(command, args, { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

const inputs = inputsOf(root)
if (isBuilt(root, inputs)) process.exit(0)

const { build } = await import('esbuild')
const { buildPrograms, compileCode, lean } = await import('./programs.mjs')

rmSync('dist', { recursive: true, force: true })
mkdirSync('dist')

if (existsSync('assembly/kernels.ts')) {
  run('node_modules/.bin/asc', ['assembly/kernels.ts', '--config', 'assembly/asconfig.json'])
}

const common = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: true,
  logLevel: 'warning',
}

await buildPrograms(common)
await build({
  ...common,
  entryPoints: ['src/testing.ts'],
  outfile: 'dist/testing.mjs',
  plugins: [lean],
  minifyWhitespace: true,
  minifySyntax: true,
  external: [
    'snappy',
    '@node-rs/crc32',
    'piscina',
    'esbuild',
    '@aws-sdk/client-s3',
    '@aws-sdk/xml-builder',
    '@smithy/core',
    '@smithy/signature-v4',
    'undici',
    'avsc',
    'yaml',
  ],
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
})
// The vocabulary by itself, for who imports it in Node.
await build({ ...common, entryPoints: ['src/index.ts'], outfile: 'dist/index.mjs', external: ['zod'] })

run('node_modules/.bin/tsc', ['-p', 'tsconfig.types.json'])
// Programs are CommonJS: Node starts that without its loader of modules, which takes as long as all else that it does. The library has modules.
writeFileSync('dist/package.json', JSON.stringify({ type: 'commonjs' }))
writeFileSync('dist/types/package.json', JSON.stringify({ type: 'module' }))
// The built-in jobs, bundled as any job file is, so that workers load them the same way.
run(process.execPath, ['scripts/run-ts.mjs', 'scripts/build-jobs.ts'])
rmSync('dist/scripts', { recursive: true })
await compileCode(common)
noteBuilt(root, inputs)
