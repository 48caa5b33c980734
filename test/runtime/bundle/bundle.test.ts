import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { bundleJob } from '../../../src/runtime/bundle/bundle.ts'
import { loadBundle, selectJob } from '../../../src/runtime/bundle/load.ts'
import { nameOf } from '../../../src/runtime/bundle/trace.ts'
import { compileJob } from '../../../src/runtime/compile/compile.ts'
import { addressTable } from '../../../src/vocabulary/address.ts'
import type { Row } from '../compile/harness.ts'
import { flowsOf, mapRows } from '../compile/harness.ts'

let folder: string
let cache: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flowreduce-bundle-'))
  cache = join(folder, 'cache')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const write = async (name: string, text: string): Promise<string> => {
  const path = join(folder, name)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
  return path
}

const bundle = (path: string, config?: string) => bundleJob(path, { cache, ...(config ? { config } : {}) })

const PORTS = `import { count, defineJob, sum, u16 } from 'flowreduce'
import { z } from 'zod'
import { isOdd } from './lib/odd'

export const ports = defineJob({
  name: 'ports',
  description: 'x',
  params: z.object({ least: z.number().default(0) }),
  reads: ['dstPort', 'bytes'],
  key: { port: u16() },
  value: { bytes: sum(), flows: count() },
  map(flow, emit, { params }) {
    if (flow.dstPort === 666) throw new Error('evil')
    if (isOdd(flow.dstPort) && flow.bytes >= params.least) emit({ port: flow.dstPort }, { bytes: flow.bytes })
  },
})
`
const ODD =
  'export const isOdd = (n: number): boolean => { if (n === 667) throw new Error("odd"); return n % 2 === 1 }\n'

/** Runs the map of the job in a bundle over flows. */
async function mapBundle(path: string, rows: readonly Row[], params = {}, name?: string) {
  const loaded = await loadBundle(path, 'job.ts')
  const job = selectJob(loaded, 'job.ts', name)
  const { program } = compileJob(job, params, { locate: loaded.locate, sample: loaded.sample }).stages.at(-1)!
  return mapRows(program, [flowsOf(rows)])
}

describe('bundleJob', () => {
  it('makes one module of a file and its imports, in a folder without node_modules', async () => {
    await write('lib/odd.ts', ODD)
    const { path, hash } = await bundle(await write('ports.ts', PORTS))
    expect(path).toBe(join(cache, 'bundles', `${hash}.cjs`))
    const text = await readFile(path, 'utf8')
    expect(text).not.toMatch(/\bimport\s*[{*"']/)
    const required = [...text.matchAll(/\brequire\("([^"]*)"\)/g)].map(([, name]) => name)
    expect([...new Set(required)].sort()).toEqual(['flowreduce', 'zod'])
    const { rows } = await mapBundle(
      path,
      [
        { dstPort: 80, bytes: 1 },
        { dstPort: 443, bytes: 2 },
      ],
      { least: 2 },
    )
    expect(rows).toEqual([{ port: 443, bytes: 2 }])
  })

  it('leaves flowreduce and zod to the program that loads it, and bundles other parts of zod', async () => {
    const text = `import { count, defineJob, duration } from 'flowreduce'
import * as core from 'zod/v4/core'
import z from 'zod'
export const both = defineJob({ name: 'both', description: core.version.major + typeof duration, params: z.object({ n: z.number().default(1) }), groupBy: {}, aggregate: { n: count() } })
`
    const { path } = await bundle(await write('both.ts', text))
    const job = selectJob(await loadBundle(path), 'both.ts')
    expect(job.spec.description).toBe('4function')
    expect(job.addresses).toBe(addressTable)
    expect(job.spec.params).toBeInstanceOf(z.ZodObject)
  })

  it('gives the same hash for the same code wherever it lies, and another for other code', async () => {
    await write('a/lib/odd.ts', ODD)
    await write('b/c/lib/odd.ts', ODD)
    const a = await bundle(await write('a/ports.ts', PORTS))
    const b = await bundle(await write('b/c/ports.ts', `// A comment, and\n\n\n${PORTS.replaceAll('\n', '\n\n')}`))
    const c = await bundle(await write('a/changed.ts', PORTS.replace('666', '777')))
    expect(b.hash).toBe(a.hash)
    expect(c.hash).not.toBe(a.hash)
  })

  it('bundles a file again only when it or one of its imports has changed', async () => {
    const job = await write('fresh/ports.ts', PORTS)
    const odd = await write('fresh/lib/odd.ts', ODD)
    const first = await bundle(job)
    await rm(`${first.path}.map`)
    expect(await bundle(job)).toEqual(first)
    expect(await readdir(join(cache, 'bundles'))).not.toContain(`${first.hash}.cjs.map`)
    await utimes(odd, new Date(), new Date())
    expect(await bundle(job)).toEqual(first)
    expect(await readdir(join(cache, 'bundles'))).toContain(`${first.hash}.cjs.map`)
    await write('fresh/lib/odd.ts', ODD.replace('=== 1', '!== 0'))
    expect((await bundle(job)).hash).not.toBe(first.hash)
  })

  it('lists what does not resolve or parse, with file and line', async () => {
    const missing = await write(
      'missing.ts',
      "import a from './no-such'\nimport b from 'no-such-package'\nexport { a, b }\n",
    )
    await expect(bundle(missing)).rejects.toThrowError(
      /^bundle missing\.ts: 2 problems\n {2}missing\.ts:1:15: could not resolve "\.\/no-such"\n {2}missing\.ts:2:15: could not resolve "no-such-package"$/,
    )
    await expect(bundle(await write('syntax.ts', 'export const = 3\n'))).rejects.toThrowError(
      /^bundle syntax\.ts: syntax\.ts:1:14: expected identifier/,
    )
    await expect(bundle(join(folder, 'nothing.ts'))).rejects.toThrowError(
      /^bundle: expected a job file, got nothing at /,
    )
    await expect(bundle(folder)).rejects.toThrowError(/^bundle: expected a job file, got a folder at /)
    const kit = await write('kit.ts', "import 'flowreduce/testing'\n")
    await expect(bundle(kit)).rejects.toThrowError(
      /expected an import of 'flowreduce' in a job, got 'flowreduce\/testing'/,
    )
  })
})

describe('loadBundle', () => {
  it('finds the places that errors come from, in the job file and in what it imports', async () => {
    const { path } = await bundle(join(folder, 'ports.ts'))
    const { bad } = await mapBundle(path, [{ dstPort: 666 }, { dstPort: 667 }])
    expect(bad.map(({ error }) => error.message)).toEqual([
      'job ports: map threw at ports.ts:13:37: evil',
      'job ports: map threw at lib/odd.ts:1:69: odd',
    ])
    expect(bad[0]!.error.stack).toMatch(/at \S*map \(ports\.ts:13:37\)/)
  })

  it('finds them in a worker thread too', async () => {
    const { path } = await bundle(join(folder, 'ports.ts'))
    const code = `import { readFileSync } from 'node:fs'
      import { Script } from 'node:vm'
      import { parentPort } from 'node:worker_threads'
      const script = new Script(readFileSync(${JSON.stringify(path)}, 'latin1'), { filename: ${JSON.stringify(nameOf(path))} })
      const module = { exports: {} }
      const z = { object: () => z, number: () => z, default: () => z }
      const vocabulary = { defineJob: (spec) => ({ spec }), u16: () => {}, sum: () => {}, count: () => {} }
      script.runInThisContext()(module.exports, (name) => name === 'zod' ? { z } : vocabulary, module)
      try { module.exports.jobs.ports.spec.map({ dstPort: 666 }, () => {}, { params: {} }) } catch (error) { parentPort.postMessage(error.stack) }`
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`))
    const stack = await new Promise<string>((resolve, reject) => worker.once('message', resolve).once('error', reject))
    const { locate } = await loadBundle(path)
    const error = Object.assign(new Error('evil'), { stack })
    expect(locate(error)?.place).toBe('ports.ts:13:37')
  })

  it('knows its own URL, loads modules of Node, and refuses to wait at the top', async () => {
    const text = `import { sep } from 'node:path'
import { defineJob, count } from 'flowreduce'
const { EOL } = await import('node:os')
export default defineJob({ name: 'own', description: [import.meta.url, sep, EOL].join(' '), groupBy: {}, aggregate: { n: count() } })
`
    await expect(bundle(await write('waits.ts', text))).rejects.toThrowError(
      /^bundle waits\.ts: waits\.ts:3:17: top-level await is currently not supported/,
    )
    const own = text.replace(/^const .*$/m, "const load = () => import('node:os')\nconst EOL = typeof load()")
    const { path } = await bundle(await write('own.ts', own))
    const { jobs } = await loadBundle(path)
    expect(jobs.get('own')?.spec.description).toBe(`${pathToFileURL(path).href} / object`)
  })

  it('refuses emits of another shape although its map runs unwatched after the first records', async () => {
    const job = PORTS.replace('{ port: flow.dstPort }', '{ port: flow.dstPort, extra: 1 } as never')
    const { path } = await bundle(await write('extra.ts', job))
    const flows = Array.from({ length: 3000 }, () => ({ dstPort: 443, bytes: 1 }))
    const { bad, rows } = await mapBundle(path, flows)
    expect(bad).toHaveLength(1024)
    expect(bad[0]!.error.message).toMatch(
      /^job ports: map threw at extra\.ts:14:\d+: emit key: expected port, got also "extra"$/,
    )
    expect(rows).toHaveLength(3000 - 1024)
    const wrong = await bundle(
      await write('wrong.ts', PORTS.replace('{ port: flow.dstPort }', '{ prt: flow.dstPort } as never')),
    )
    expect((await mapBundle(wrong.path, flows)).bad).toHaveLength(3000)
  })

  it('gives one clear error for a module that throws when it is loaded', async () => {
    const { path } = await bundle(await write('throws.ts', "import 'flowreduce'\n\nthrow new TypeError('not today')\n"))
    await expect(loadBundle(path, 'throws.ts')).rejects.toThrowError(
      'bundle throws.ts: expected a module that loads, it threw at throws.ts:3:7: not today',
    )
  })

  it('finds jobs by name, in lists, and as the default export', async () => {
    const job = (name: string): string =>
      `defineJob({ name: '${name}', description: 'x', groupBy: {}, aggregate: { n: count() } })`
    const text = `import { count, defineJob } from 'flowreduce'\nexport const a = ${job('one')}\nexport { a as again }\nexport const list = [${job('two')}]\nexport default ${job('three')}\n`
    const loaded = await loadBundle((await bundle(await write('several.ts', text))).path)
    expect([...loaded.jobs.keys()].sort()).toEqual(['one', 'three', 'two'])
    expect(selectJob(loaded, 'several.ts', 'two').name).toBe('two')
    expect(() => selectJob(loaded, 'several.ts')).toThrowError(
      /^bundle several\.ts: expected one job, got 3: name one, as in several\.ts#/,
    )
    expect(() => selectJob(loaded, 'several.ts', 'tow')).toThrowError(
      /expected one of .*, got 'tow', did you mean 'two'/,
    )
    const none = await loadBundle((await bundle(await write('none.ts', 'export const n = 1\n'))).path)
    expect(() => selectJob(none, 'none.ts')).toThrowError('bundle none.ts: expected one job, got none')
    const twice = await bundle(await write('twice.ts', text.replace("'two'", "'one'")))
    await expect(loadBundle(twice.path, 'twice.ts')).rejects.toThrowError(
      "bundle twice.ts: expected jobs of different names, got two called 'one'",
    )
  })
})

describe('a job in YAML', () => {
  const YAML = `name: web
description: Web traffic per network and day
params:
  direction: { enum: [dst, src], default: dst }
  bits: 16
  size: 1d
  least: 10
where: proto tcp and bytes >= \${least}
groupBy:
  net: prefix(\${direction}Addr, \${bits}, 48)
  port: \${direction}Port
  day: timeBin(\${size}, Europe/Berlin)
aggregate:
  bytes: sum(bytes)
  flows: count
  p95: quantile(packets, 0.95)
sort: { bytes: desc }
`

  it('has the same keys as one in TypeScript, with parameters in its texts', async () => {
    const { path } = await bundle(await write('web.yaml', YAML))
    const loaded = await loadBundle(path)
    const { program } = compileJob(selectJob(loaded, 'web.yaml'), { direction: 'src' }).stages[0]!
    expect(program.reads).toEqual(['start', 'srcAddr', 'srcPort', 'proto', 'bytes', 'packets'])
    expect(program.output.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'net prefix',
      'port u16',
      'day instant',
      'bytes u64',
      'flows u53',
      'p95 u53',
    ])
    const { rows } = mapRows(program, [
      flowsOf([{ srcAddr: '10.1.2.3', srcPort: 80, start: '2026-07-01T23:00:00Z', bytes: 5, packets: 1 }]),
    ])
    expect(rows).toEqual([{ net: '10.1.0.0/16', port: 80, day: '2026-07-01T22:00:00.000Z', bytes: 5, p95: 1 }])
  })

  it('may hold several jobs, and be imported by a module', async () => {
    await write('pair.yml', `${YAML}---\n${YAML.replace('name: web', 'name: web-again')}`)
    const module = await write('imports.ts', "export * from './pair.yml'\n")
    const loaded = await loadBundle((await bundle(module)).path)
    expect([...loaded.jobs.keys()]).toEqual(['web', 'web-again'])
  })

  it('may name aggregates of the configuration', async () => {
    const config = await write(
      'with-mean/jobs.config.ts',
      `import { defineAggregate, defineConfig, u53 } from 'flowreduce'
const most = defineAggregate({ name: 'most', input: u53(), output: u53(), state: { n: u53() }, init: () => ({ n: 0 }),
  add(state, value) { state.n = Math.max(state.n, value) }, merge(state, other) { state.n = Math.max(state.n, other.n) }, result: ({ n }) => n })
export default defineConfig({ aggregates: [most] })
`,
    )
    const job = await write('most.yaml', 'name: most\ngroupBy: {}\naggregate: { most: most(bytes) }\n')
    const { jobs } = await loadBundle((await bundle(job, config)).path)
    const { program } = compileJob(jobs.get('most')!).stages[0]!
    expect(program.fold).toMatchObject({
      aggregates: [{ aggregate: 'most', input: 'most', custom: { state: [{ name: 'n', type: 'u53' }] } }],
    })
    await expect(bundle(job)).rejects.toThrowError(
      /job file most\.yaml: aggregate most: unknown function 'most', expected one of sum/,
    )
    const unknown = await bundle(
      await write('least.yaml', 'name: least\ngroupBy: {}\naggregate: { least: leest(bytes) }\n'),
      config,
    )
    const loaded = await loadBundle(unknown.path)
    expect(() => compileJob(loaded.jobs.get('least')!)).toThrowError(
      /expected an aggregate that is built in or in the configuration, got leest/,
    )
  })

  it('lists everything wrong with it', async () => {
    const wrong = `name: wrong
agregate: {}
params: { bits: { defualt: 3 } }
groupBy: { net: prefx(srcAddr), bin: "timeBin(1, 2, 3, 4)", port: "\${direction}Port" }
aggregate: { bytes: bytes, n: avg(bytes) }
`
    await expect(bundle(await write('wrong.yaml', wrong))).rejects.toThrowError(
      new RegExp(
        [
          '^job file wrong.yaml: 7 problems',
          "agregate: unknown in a job in YAML, did you mean 'aggregate'",
          "parameter bits: defualt: unknown, did you mean 'default'",
          "groupBy net: unknown function 'prefx', did you mean 'prefix'",
          'groupBy bin: timeBin expected \\(size, zone, column\\), got 4 values',
          'expected a parameter of the job, got \\$\\{direction\\}, expected one of bits',
          "aggregate bytes: expected an aggregate such as sum\\(bytes\\), got 'bytes'",
          "aggregate n: unknown function 'avg'",
        ].join('[^]*'),
      ),
    )
    await expect(bundle(await write('broken.yaml', 'name: [\n'))).rejects.toThrowError(
      /job file broken\.yaml: .*line \d/,
    )
    await expect(bundle(await write('empty.yaml', ''))).rejects.toThrowError(
      /job file empty\.yaml: expected a job, got nothing/,
    )
  })
})
