import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundleJob } from '../../src/runtime/bundle/bundle.ts'
import { loadBundle } from '../../src/runtime/bundle/load.ts'
import { checkConfig } from '../../src/runtime/config.ts'
import { checkCombiner, testJob } from '../../src/testing.ts'
import type { JobDefinition } from '../../src/vocabulary/job.ts'

const docs = fileURLToPath(new URL('../../docs/', import.meta.url))
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flowreduce-docs-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** The fenced blocks of a page: language, file name after it, text. */
async function blocks(page: string): Promise<{ language: string; name: string; text: string }[]> {
  const text = await readFile(join(docs, page), 'utf8')
  return [...text.matchAll(/^```(\w+)(?: (\S+))?\n([\s\S]*?)^```$/gm)].map(
    ([, language = '', name = '', body = '']) => ({
      language,
      name,
      text: body,
    }),
  )
}

async function load(name: string, text: string) {
  const path = join(folder, name)
  await writeFile(path, text)
  return loadBundle((await bundleJob(path, { cache: join(folder, 'cache') })).path, name)
}

const FLOWS = [
  {
    srcAddr: '10.0.0.1',
    dstAddr: '10.9.0.1',
    proto: 6,
    dstPort: 443,
    bytes: 60,
    packets: 2,
    start: '2026-01-01T00:00:30Z',
    end: '2026-01-01T00:01:30Z',
  },
  {
    srcAddr: '10.0.0.1',
    dstAddr: '2001:db8::1',
    proto: 17,
    dstPort: 53,
    bytes: 20,
    packets: 1,
    start: '2026-01-01T00:00:10Z',
  },
  {
    srcAddr: '10.0.0.2',
    dstAddr: '10.9.0.1',
    proto: 6,
    dstPort: 80,
    bytes: 0,
    packets: 1,
    start: '2026-01-01T00:00:10Z',
  },
]

describe('docs/jobs.md', () => {
  it('shows jobs and a configuration that give what it says', async () => {
    const jobs = new Map<string, JobDefinition>()
    for (const [index, { language, text }] of (await blocks('jobs.md')).entries()) {
      const loaded = await load(`block-${index}.${language}`, text)
      for (const [name, job] of loaded.jobs) jobs.set(name, job)
      if (loaded.config) expect(checkConfig(loaded.config)).toEqual([])
    }
    const rowsOf = async (name: string, options = {}) => (await testJob(jobs.get(name)!, FLOWS, options)).rows
    const lookups = { sites: [{ prefix: '10.0.0.0/8', site: 'campus' }] }
    const hour = '2026-01-01T00:00:00.000Z'
    expect(await rowsOf('networks')).toEqual([
      { network: '10.9.0.0/24', hour, bytes: 60n, flows: 1, last: '2026-01-01T00:01:30.000Z' },
    ])
    expect(await rowsOf('mean-sizes')).toEqual([
      { proto: 6, mean: 30, flows: 2 },
      { proto: 17, mean: 20, flows: 1 },
    ])
    expect(await rowsOf('series')).toEqual([
      { src: '10.0.0.1', dst: '10.9.0.1', bin: hour, bytes: 30n, flows: 1 },
      { src: '10.0.0.1', dst: '10.9.0.1', bin: '2026-01-01T00:01:00.000Z', bytes: 30n, flows: 1 },
      { src: '10.0.0.1', dst: '2001:db8::1', bin: hour, bytes: 20n, flows: 1 },
    ])
    expect(await rowsOf('talkers')).toEqual([
      { host: '10.0.0.1', peers: 2, first: '2026-01-01T00:00:10.000Z' },
      { host: '10.0.0.2', peers: 1, first: '2026-01-01T00:00:10.000Z' },
    ])
    expect(await rowsOf('crowds')).toEqual([
      { peers: 1, hosts: 1 },
      { peers: 2, hosts: 1 },
    ])
    expect(await rowsOf('per-site', { lookups })).toEqual([
      { site: '', bytes: 20n, flows: 1 },
      { site: 'campus', bytes: 60n, flows: 2 },
    ])
    expect(await rowsOf('web-networks')).toEqual([
      { network: '10.9.0.0/24', day: '2025-12-31T23:00:00.000Z', bytes: 60n, flows: 2 },
    ])
    checkCombiner(jobs.get('crowds')!)
    checkCombiner(jobs.get('mean-sizes')!)
    expect(jobs.size).toBe(7)
  })
})

describe('docs/write-your-first-job.md', () => {
  const reply = { proto: 17, srcPort: 53, bytes: 100, packets: 1 }
  const flows = [
    { ...reply, srcAddr: '192.0.2.53', dstAddr: '10.0.0.2', start: '2026-01-01T00:00:09Z' },
    { ...reply, srcAddr: '192.0.2.53', dstAddr: '2001:db8::1', start: '2026-01-01T00:00:05Z', bytes: 700 },
    { ...reply, srcAddr: '192.0.2.53', dstAddr: '10.0.0.2', start: '2026-01-01T00:00:07Z' },
    { ...reply, srcAddr: '198.51.100.53', dstAddr: '10.0.0.2', start: '2026-01-01T00:00:01Z' },
    { ...reply, srcAddr: '192.0.2.53', dstAddr: '10.0.0.3', start: '2026-01-01T00:00:01Z', srcPort: 443 },
  ]

  it('builds up jobs that give what it says', async () => {
    const page = await blocks('write-your-first-job.md')
    const rowsOf = async (name: string) => {
      const { jobs } = await load(name, page.find((block) => block.name === name)!.text)
      return (await testJob([...jobs.values()][0]!, flows)).rows
    }
    expect(await rowsOf('dns.ts')).toEqual([
      { server: '192.0.2.53', bytes: 900n, replies: 3 },
      { server: '198.51.100.53', bytes: 100n, replies: 1 },
    ])
    expect(await rowsOf('dns-params.ts')).toEqual([
      { servers: '192.0.2.53/32', bytes: 900n, replies: 3 },
      { servers: '198.51.100.53/32', bytes: 100n, replies: 1 },
    ])
    expect(await rowsOf('dns-sizes.ts')).toEqual([
      { server: '192.0.2.53', replies: 3, large: 1n, largest: 700 },
      { server: '198.51.100.53', replies: 1, large: 0n, largest: 100 },
    ])
    expect(await rowsOf('dns-clients.ts')).toEqual(JSON.parse(page.find(({ language }) => language === 'json')!.text))
    const kit = page.find((block) => block.name === 'dns-clients.test.ts')!.text
    expect(kit).toContain("import { testJob } from 'flowreduce/testing'")
    for (const { srcAddr, dstAddr, start } of flows)
      for (const part of [srcAddr, dstAddr, start]) expect(kit).toContain(`'${part}'`)
  })

  it('quotes the error for a misspelt column as it is', async () => {
    const page = await readFile(join(docs, 'write-your-first-job.md'), 'utf8')
    const [first] = await blocks('write-your-first-job.md')
    const { jobs } = await load('misspelt.ts', first!.text.replace("'srcAddr'", "'srcAdr'"))
    const message = await testJob(jobs.get('dns-servers')!, flows).then(
      () => 'no error',
      (error: Error) => error.message,
    )
    expect(message).toMatch(/srcAdr/)
    expect(page).toContain(message)
  })
})
