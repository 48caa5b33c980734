import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Action } from '../../src/storage/manifest/actions.ts'
import { openManifest } from '../../src/storage/manifest/manifest.ts'
import { openStore } from '../../src/storage/open.ts'
import { seededSystem } from '../../src/storage/system.ts'
import { addBlock, DAY, exampleBlock, exampleLedger, NOON, SETUP } from '../storage/manifest/examples.ts'
import { flowreduce } from './captured.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flowreduce-fs-'))
  const store = await openStore(`file:${folder}/store`)
  const manifest = await openManifest(store, { system: seededSystem(1, { start: NOON }), create: true })
  const commit = (operation: string, actions: readonly Action[]) =>
    manifest.commit({ operation, writer: 'edge', actions })
  await commit('import', [...SETUP, addBlock(exampleBlock(1, { start: NOON - DAY }))])
  const ledger: Action = {
    type: 'addLedger',
    dataset: 'flows',
    entries: [exampleLedger(NOON, { received: 90, lost: 10, malformed: 2 })],
  }
  await commit('ingest', [addBlock(exampleBlock(2)), addBlock(exampleBlock(3, { start: NOON + 1000 })), ledger])
  const results = 'results/port-breakdown'
  await commit('run', [
    { type: 'addDataset', dataset: results },
    addBlock({ ...exampleBlock(4, { dataset: results }) }, results),
  ])
})

afterAll(() => rm(folder, { recursive: true, force: true }))

const fs = (line: string) => flowreduce(`fs ${line} --store file:${folder}/store`)

describe('fs ls', () => {
  it('lists datasets with their sums and time span', async () => {
    const { code, stdout } = await fs('ls')
    expect(code).toBe(0)
    expect(stdout.split('\n').slice(0, 4)).toEqual([
      'dataset                 blocks  records  bytes (kB)  from                      to',
      '──────────────────────  ──────  ───────  ──────────  ────────────────────────  ────────────────────────',
      'flows                        3       30         3.0  2026-11-20T12:00:00.000Z  2026-11-21T12:01:01.000Z',
      'results/port-breakdown       1       10         1.0  2026-11-21T12:00:00.000Z  2026-11-21T12:01:00.000Z',
    ])
  })

  it('lists what lies below a path, as programs read it', async () => {
    const { stdout } = await fs('ls results/ --format json')
    expect(JSON.parse(stdout)).toMatchObject({
      snapshot: 4,
      rows: [{ dataset: 'results/port-breakdown', bytes: 1004 }],
    })
  })

  it('shows the store as of an older version', async () => {
    const { stdout } = await fs('ls --at 2 --format ndjson')
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([{ dataset: 'flows', blocks: 1 }])
  })
})

describe('fs stat', () => {
  it('describes a dataset with exporters and coverage', async () => {
    const { stdout } = await fs('stat flows')
    expect(stdout).toContain('time span   2026-11-20T12:00:00.000Z to 2026-11-21T12:01:01.000Z\n')
    expect(stdout).toContain('exporters   1: 192.0.2.1\n')
    expect(stdout).toContain('coverage: 30 flows; missing: 10 datagrams lost (v9, sFlow), 2 datagrams malformed\n')
  })

  it('describes the store', async () => {
    const { stdout } = await fs('stat --format json')
    expect(JSON.parse(stdout)).toMatchObject({ snapshot: 4, datasets: 2, blocks: 4, records: 40, bytes: 4010 })
  })

  it('names the datasets there are when asked for another', async () => {
    const { code, stderr } = await fs('stat flow')
    expect(code).toBe(1)
    expect(stderr).toBe(
      'flowreduce: manifest: dataset expected one of version 4 (flows, results/port-breakdown), got flow\n',
    )
  })
})

describe('fs blocks', () => {
  it('lists the blocks that a period may touch', async () => {
    const { stdout } = await fs('blocks flows --from 2026-11-21 --format csv')
    const lines = stdout.trim().split('\n')
    expect(lines[0]).toBe('key,format,records,bytes,from,to,exporters,collector')
    expect(lines).toHaveLength(3)
    expect(lines[1]).toMatch(/^data\/flows\/2026-11-21\/12\/\w{26}\.avro,avro,10,1002,2026-11-21T12:00:00.000Z,/)
  })

  it('prints as many as asked for, and counts the others in a table', async () => {
    expect((await fs('blocks flows --top 1')).stdout.trim().split('\n').at(-1)).toBe('2 more rows')
    expect((await fs('blocks flows --top 1 --format ndjson')).stdout.trim().split('\n')).toHaveLength(1)
  })
})

describe('a path or name that is wrong', () => {
  it.each([
    ['ls /flows', 2, 'manifest: dataset name expected parts of [A-Za-z0-9][A-Za-z0-9._-]* joined by /, got "/flows"'],
    ['du a//b', 2, 'manifest: dataset name expected parts of [A-Za-z0-9][A-Za-z0-9._-]* joined by /, got "a//b"'],
    [
      'put x.avro --dataset ../up',
      2,
      'manifest: dataset name expected parts of [A-Za-z0-9][A-Za-z0-9._-]* joined by /, got "../up"',
    ],
    ['put /none.avro', 1, 'store: local file expected at /none.avro, got ENOENT'],
  ])('%s is refused by that name', async (line, code, message) => {
    const { stderr, ...rest } = await fs(line)
    expect(rest).toMatchObject({ code, stdout: '' })
    expect(stderr.startsWith(`flowreduce: ${message}`)).toBe(true)
  })
})

describe('fs du', () => {
  it('sums blocks by dataset and day', async () => {
    const { stdout } = await fs('du --format csv')
    expect(stdout).toBe(
      'dataset,day,blocks,records,bytes\n' +
        'flows,2026-11-20,1,10,1001\n' +
        'flows,2026-11-21,2,20,2005\n' +
        'results/port-breakdown,2026-11-21,1,10,1004\n',
    )
  })
})

describe('fs history', () => {
  it('lists commits, newest first', async () => {
    const { stdout } = await fs('history --format ndjson --top 2')
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { version: 4, operation: 'run', writer: 'edge', added: 1, removed: 0, datasets: 'results/port-breakdown' },
      { version: 3, operation: 'ingest', added: 2, records: 20, bytes: 2005, datasets: 'flows' },
    ])
  })
})

describe('fs rm', () => {
  it('removes the blocks that lie inside a period in one commit, after showing them', async () => {
    const dry = await fs('rm flows --to 2026-11-21T00:00:00Z --dry-run')
    expect(dry.stdout).toBe('would remove 1 block of flows (10 records, 1.00 kB)\n')
    expect(JSON.parse((await fs('rm flows --to 2026-11-21 --format json')).stdout)).toEqual({
      ...{ dataset: 'flows', blocks: 1, records: 10, bytes: 1001, commit: 5 },
    })
    expect(JSON.parse((await fs('stat flows --format json')).stdout)).toMatchObject({ blocks: 2, snapshot: 5 })
  })

  it('refuses a block that is not live', async () => {
    const { code, stderr } = await fs('rm flows --block data/flows/none.avro')
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'flowreduce: --block: expected a live block of flows, got data/flows/none.avro\n',
    })
  })
})

describe('a store that is not there', () => {
  it('is named in one line, and is not made', async () => {
    const { code, stderr } = await flowreduce(`fs ls --store file:${folder}/nothing`)
    expect(code).toBe(1)
    expect(stderr).toBe(
      `flowreduce: storage: file:${folder}/nothing expected a flowreduce store, got nothing under manifest/\n`,
    )
  })

  it('is asked for when no option, variable or configuration names one', async () => {
    const { code, stderr } = await flowreduce('fs ls')
    expect(code).toBe(2)
    expect(stderr).toContain('--store: expected file:DIR or s3://bucket/prefix, got none')
  })
})
