// The programs of dist/: pieces, each a CommonJS module as one function, and small modules that start them with the code that V8 has compiled (src/launch.ts).
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { build } from 'esbuild'
import { lazy, oneHttp } from './lazy.mjs'

const require = createRequire(import.meta.url)

const COMMAND_LINE = 'src/cli/main.ts'
/** Text of the entries of the programs that have one piece. */
const WORKERS = {
  worker: `import ${JSON.stringify(join(dirname(require.resolve('piscina')), 'worker.js'))}
export { default } from './src/runtime/worker.ts'`,
  'ingest-worker': "import './src/ingest/daemon/worker.ts'",
  'receive-worker': "import './src/ingest/daemon/receive-worker.ts'",
  'encode-worker': "import './src/ingest/encode/worker.ts'",
  'compact-worker': "import './src/storage/compact/worker.ts'",
}

/** Leaves out what only costs time: half of zod is messages in forty languages, and the tables by which text of all scripts is measured take long to make; help is ASCII. */
export const lean = {
  name: 'lean',
  setup(build) {
    build.onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, ({ path }) => ({
      contents: "export { default as en } from './en.js'",
      resolveDir: dirname(path),
    }))
    build.onLoad({ filter: /[\\/]string-width[\\/]index\.js$/ }, () => ({
      contents: 'export default (text) => text.replace(/\\x1b\\[[0-9;]*m/g, "").length',
    }))
  },
}

/** What stores on S3 load are pieces of their own, for every program that opens one: what requests are made of, and what few need, the SDK. */
const S3_PIECES = { s3: 'parts', sdk: 'sdk' }
const s3 = {
  name: 's3',
  setup({ onResolve }) {
    for (const [piece, file] of Object.entries(S3_PIECES))
      onResolve({ filter: new RegExp(`^\\./${file}\\.ts$`) }, ({ kind, resolveDir }) =>
        kind === 'dynamic-import' && resolveDir.endsWith('storage/s3')
          ? { path: `./${piece}.cjs/${file}`, external: true }
          : undefined,
      )
  },
}

/** A pool starts the program of its tasks itself: that contains what piscina has a file of its own for, so that a worker loads one piece with compiled code. */
const pool = {
  name: 'pool',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]piscina[\\/]dist[\\/]index\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8')
      const contents = text.replace("(0, node_path_1.resolve)(__dirname, 'worker.js')", 'this.options.filename')
      if (contents === text) throw new Error(`build: ${path} expected to start worker.js, got another version`)
      return { contents }
    })
  },
}

/** yargs reads the package.json of whoever calls it, for a version that it is told in any case. */
const versionless = {
  name: 'versionless',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]yargs[\\/]build[\\/]lib[\\/]yargs-factory\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8')
      const contents = text.replace('yargs.version();', '')
      if (contents === text) throw new Error(`build: ${path} expected to ask for a version, got another`)
      return { contents }
    })
  },
}

/** Builds the programs, and the modules that start them. */
export async function buildPrograms(common) {
  for (const [name, file] of Object.entries(S3_PIECES)) {
    const contents = `export const ${file} = () => import('./src/storage/s3/${file}.ts')\n`
    // Of packages of the SDK in modules only what is used is bundled.
    await buildPiece({ ...common, mainFields: ['module', 'main'] }, { name, contents })
  }
  for (const [name, contents] of Object.entries(WORKERS)) await buildPiece(common, { name, contents, plugins: [s3] })
  await buildCommandLine(common)
  await buildEntries(common)
}

/** The command line has two pieces: what help needs, and `actions`, all that is imported later, which uses the modules of the first. */
async function buildCommandLine(common) {
  const later = []
  const dynamic = {
    name: 'dynamic',
    setup({ onResolve }) {
      onResolve({ filter: /^\./ }, ({ kind, path, resolveDir }) => {
        if (kind !== 'dynamic-import') return undefined
        const file = resolve(resolveDir, path)
        if (!later.includes(file)) later.push(file)
        return { path: `./actions.cjs/m${later.indexOf(file)}`, external: true }
      })
    },
  }
  const main = `import './${COMMAND_LINE}'\n`
  const { metafile } = await buildPiece(common, { name: 'cli', contents: main, plugins: [s3, dynamic] })
  const shared = Object.keys(metafile.inputs)
    .filter((path) => path.startsWith('src/') && path !== COMMAND_LINE)
    .map((path) => resolve(path))
  const parts = shared.map((path, index) => `export * as m${index} from ${JSON.stringify(path)}\n`)
  await buildPiece(common, { name: 'cli', contents: main + parts.join(''), plugins: [s3, dynamic] })
  const fromFirst = {
    name: 'shared',
    setup({ onResolve }) {
      onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
        const index = shared.indexOf(resolve(resolveDir, path))
        return index < 0 ? undefined : { path: `shared/m${index}`, external: true }
      })
    },
  }
  const actions = later.map((path, index) => `export const m${index} = () => import(${JSON.stringify(path)})\n`)
  await buildPiece(common, { name: 'actions', contents: actions.join(''), plugins: [s3, fromFirst] })
}

/** Builds a piece: a CommonJS module as a function that is given what a script by itself does not have. */
async function buildPiece(common, { name, contents, plugins = [] }) {
  const { outputFiles, metafile } = await build({
    ...common,
    stdin: { contents, resolveDir: '.' },
    outfile: `dist/${name}.cjs`,
    write: false,
    metafile: true,
    format: 'cjs',
    plugins: [lean, lazy, oneHttp, pool, versionless, ...plugins],
    minifyWhitespace: true,
    minifySyntax: true,
    // Native code, code that finds its own files, and what is only loaded on demand stays in node_modules.
    external: ['snappy', '@node-rs/crc32', '@napi-rs/nice', 'esbuild', 'avsc', 'yaml'],
    define: { 'import.meta.url': '__url' },
    banner: { js: '(function (exports, require, module, __url, __load) {' },
    footer: { js: '})' },
  })
  // Names of one length keep the map right.
  for (const { path, text } of outputFiles) writeFileSync(path, text.replace(/\bimport\((?=[^)])/g, '__load('))
  return { metafile }
}

/** Builds the modules that start the programs; those of `recording` leave the code compiled so far in a file, as they go and at the end. */
async function buildEntries(common, recording = []) {
  for (const name of ['cli', ...Object.keys(WORKERS)]) {
    const start = `const program = launch(${JSON.stringify(name)}, __filename, (specifier) => import(specifier))`
    const [recorder, program] = recording.includes(name)
      ? [`import { record } from './scripts/record.mjs'\n`, 'record(program)']
      : ['', 'program']
    // A pool that does not start the program itself takes what it exports.
    const end = name === 'worker' ? `export default ${program}.exports.default` : program
    await build({
      ...common,
      stdin: {
        contents: `import { launch } from './src/launch.ts'\n${recorder}${start}\n${end}\n`,
        resolveDir: '.',
      },
      outfile: `dist/${name}.js`,
      format: 'cjs',
      minifyWhitespace: true,
      sourcemap: false,
      banner: name === 'cli' ? { js: '#!/usr/bin/env node' } : {},
    })
  }
  chmodSync('dist/cli.js', 0o755)
}

/** Programs that take part in a run. */
const RUNNING = ['cli', 'worker']
const JOBS = ['port-breakdown', 'subnet-bytes', 'totals', 'bytes-per-second']
const WHERE = ['--where', 'proto tcp and dst port in [80, 443]', '--top', '10']

/** Has V8 compile what help and runs need, over a few flows in blocks of both formats, and keeps the code. */
export async function compileCode(common) {
  const folder = mkdtempSync(join(tmpdir(), 'flowreduce-build-'))
  const cli = resolve('dist/cli.js')
  const flowreduce = (...words) => {
    const { status } = spawnSync(process.execPath, [cli, ...words], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    if (status !== 0) throw new Error(`build: flowreduce ${words.join(' ')} expected to run, got status ${status}`)
  }
  const store = ['--store', `file:${join(folder, 'store')}`, '--quiet']
  const capture = join(folder, 'flows.pcap')
  // The build waits for no other run on this machine.
  const slots = ['--slots', '65536']
  const inWorkers = ['--workers', '2', '--split-size', '32KB']
  const importFlows = (flows, into) => {
    flowreduce('simulate', '--target', capture, '--flows', String(flows), '--seed', '1', '--quiet')
    flowreduce('import', capture, ...into)
  }
  const run = (job, ...options) => flowreduce('run', job, ...store, ...slots, ...options, '--format', 'json')
  try {
    importFlows(8000, store)
    // So many that a worker takes part in their compaction.
    const large = ['--store', `file:${join(folder, 'large')}`, '--quiet']
    importFlows(140_000, large)
    await buildEntries(common, RUNNING)
    await askNobody(cli, folder)
    flowreduce('--help')
    for (const options of [[], inWorkers]) run('port-breakdown', ...options)
    await buildEntries(common, ['compact-worker'])
    for (const each of [large, store]) flowreduce('compact', '--all', '--workers', '2', ...each)
    await buildEntries(common, RUNNING)
    for (const job of JOBS) for (const options of [[], inWorkers]) run(job, ...options)
    run('port-breakdown', ...WHERE)
  } finally {
    await buildEntries(common)
    rmSync(folder, { recursive: true })
  }
}

/** A server that has nothing: what V8 compiles until its answer is there is most of it. */
const NOBODY = `
const server = require('node:http').createServer((_, response) => response.writeHead(404).end())
server.listen(0, '127.0.0.1', () => console.log(server.address().port))`

/** Looks for a store on a server that has none, with credentials of variables and of a profile. */
async function askNobody(cli, folder) {
  const server = spawn(process.execPath, ['-e', NOBODY], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const [port] = await once(server.stdout, 'data')
    const url = `s3://build/store?endpoint=http://127.0.0.1:${Number(port)}`
    const keys = { AWS_ACCESS_KEY_ID: 'build', AWS_SECRET_ACCESS_KEY: 'build' }
    const profile = { AWS_PROFILE: 'build', AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials') }
    writeFileSync(
      profile.AWS_SHARED_CREDENTIALS_FILE,
      '[build]\naws_access_key_id=build\naws_secret_access_key=build\n',
    )
    for (const who of [keys, profile]) {
      const env = { ...process.env, ...who }
      spawnSync(process.execPath, [cli, 'fs', 'ls', '--store', url], { stdio: 'ignore', env })
    }
  } finally {
    server.kill()
  }
}
