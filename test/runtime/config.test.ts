import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { findConfig, loadConfig } from '../../src/runtime/config.ts'
import { loadLookups } from '../../src/runtime/lookup/load.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flowreduce-config-'))
  await mkdir(join(folder, 'a', 'b'), { recursive: true })
  vi.stubEnv('FLOWREDUCE_CACHE', join(folder, 'cache'))
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true, force: true })
})

const write = async (name: string, text: string): Promise<string> => {
  await writeFile(join(folder, name), text)
  return join(folder, name)
}

describe('the configuration', () => {
  it('is found upward from a folder', async () => {
    const path = await write(
      'a/jobs.config.ts',
      "import { defineConfig } from 'flowreduce'\nexport default defineConfig({})\n",
    )
    expect(findConfig(join(folder, 'a', 'b'))).toBe(path)
    expect(findConfig('/')).toBeUndefined()
  })

  it('is empty without a file', async () => {
    expect(await loadConfig(undefined)).toMatchObject(findConfig() ? {} : { config: {}, file: undefined })
  })

  it('gives jobs, store, elements and lookup tables', async () => {
    await write('nets.csv', 'prefix,router\n10.0.0.0/8,r1\n')
    const path = await write(
      'good.config.ts',
      `import { count, defineConfig, defineJob } from 'flowreduce'
const job = defineJob({ name: 'flows', description: 'x', groupBy: {}, aggregate: { n: count() } })
export default defineConfig({
  store: 'file:data', jobs: [job], elements: ['httpRequestHost', { name: 'own', enterprise: 9, id: 1, type: 'u32' }],
  sampling: { '192.0.2.0/24': 1000 },
  lookups: { nets: { file: 'nets.csv' }, made: { rows: async () => [{ prefix: '::/0', name: 'all' }] } },
})
`,
    )
    const { config, folder: base, file } = await loadConfig(path)
    expect(config.store).toBe('file:data')
    expect([...file!.loaded.jobs.keys()]).toEqual(['flows'])
    const tables = await loadLookups(config.lookups!, base)
    expect(tables.get('nets')!.text).toBe('prefix,router\n10.0.0.0/8,r1\n')
    expect(tables.get('made')!.attributes).toEqual(['name'])
    await expect(loadLookups({ gone: { file: 'gone.csv' } }, base)).rejects.toThrowError(
      /^lookup gone: expected a readable file, got ENOENT for .*gone\.csv$/,
    )
  })

  it('lists everything wrong with it', async () => {
    const path = await write(
      'bad.config.ts',
      `import { defineConfig } from 'flowreduce'
export default defineConfig({
  stor: 'x', store: 7, jobs: [{}], elements: [{ name: 'x' }], sampling: { host: 0 }, lookups: { nets: { path: 'x' } }, stores: { gs: 1 },
  ingest: { allow: ['10.0.0.0/8', 'everyone'], expect: ['10.0.0.0/8'], deny: [] },
} as never)
`,
    )
    const message = await loadConfig(path).then(
      () => 'loaded',
      (error: Error) => error.message,
    )
    expect(message.split('\n  ')).toEqual([
      `config ${path}: 11 problems`,
      expect.stringMatching(/^store: .*expected string/),
      'jobs.0: expected what defineJob returns',
      'elements.0: expected the name of an element, or { name, id, enterprise, type }',
      expect.stringMatching(/^sampling\.host: /),
      'ingest.deny: unknown',
      'lookups.nets: expected { file } or { rows }',
      'stores.gs: expected a function that opens a store',
      "stor: unknown, did you mean 'store'",
      'sampling host: expected an address or prefix',
      'ingest.allow everyone: expected an address or prefix',
      'ingest.expect 10.0.0.0/8: expected an address',
    ])
  })

  it('must be the default export of its file', async () => {
    const path = await write('other.config.ts', 'export default { jobs: [] }\n')
    await expect(loadConfig(path)).rejects.toThrowError(
      `config ${path}: expected \`export default defineConfig({ ... })\`, got no configuration`,
    )
  })
})
