import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { flowreduce, flowreduceJson, temporaryFolder } from './command.ts'

interface Imported {
  readonly files: readonly { readonly flows: number; readonly malformedDatagrams: number }[]
  readonly blocks: number
  readonly commit: number
}

let folder: string
let capture: string
let store: string

beforeEach(async () => {
  folder = await temporaryFolder()
  capture = join(folder, 'flows.pcap')
  store = `file:${join(folder, 'store')}`
  await flowreduceJson(['simulate', '--target', capture, '--flows', '2000'])
})

/** What a reader of the store sees; nothing at all when there is no store. */
async function datasets(): Promise<unknown> {
  const { code, stdout } = await flowreduce(['fs', 'ls', '--store', store, '--format', 'json'])
  return code === 0 ? JSON.parse(stdout).rows : 'no store'
}

describe('flowreduce import', () => {
  it('makes all flows of all files visible in one commit, in blocks of the size asked for', async () => {
    const second = join(folder, 'second.pcap')
    await flowreduceJson(['simulate', '--target', second, '--flows', '30000', '--seed', '2'])
    const imported = await flowreduceJson<Imported>([
      'import',
      capture,
      second,
      '--store',
      store,
      '--block-size',
      '300kB',
    ])
    expect(imported.files.map(({ flows }) => flows)).toEqual([2000, 30000])
    expect(imported.blocks).toBeGreaterThan(1)
    expect(await datasets()).toMatchObject([{ dataset: 'flows', records: 32_000, blocks: imported.blocks }])
  })

  it('refuses a file imported before by its content, whatever its name, unless told to', async () => {
    await flowreduceJson(['import', capture, '--store', store])
    const copy = join(folder, 'copy.dat')
    await writeFile(copy, await readFile(capture))
    const again = await flowreduce(['import', copy, '--store', store])
    expect(again).toMatchObject({ code: 1, stdout: '' })
    expect(again.stderr).toBe(
      `flowreduce: import: ${copy} expected a file not imported yet, got one that was imported before; --again imports it once more\n`,
    )
    await flowreduceJson(['import', copy, '--store', store, '--again'])
    expect(await datasets()).toMatchObject([{ records: 4000 }])
  })

  it('ends with 0 and a warning for a recognised file without a flow', async () => {
    const file = join(folder, 'refused.bin')
    await writeFile(file, Buffer.concat([Buffer.from([0, 9, 0, 1]), Buffer.alloc(16), Buffer.from([1, 0, 0, 2])]))
    const { code, stderr, stdout } = await flowreduce(['import', file, '--store', store, '--format', 'json'])
    expect(code).toBe(0)
    expect(stderr).toMatch(/^warning: .*refused\.bin/)
    expect(JSON.parse(stdout).files).toMatchObject([{ flows: 0, malformedDatagrams: 1 }])
  })
})

describe('flowreduce import of what it cannot read', () => {
  const cases: readonly (readonly [string, () => Promise<string>, RegExp])[] = [
    ['a truncated pcap', async () => cutCapture(), /cut\.pcap expected .*got/],
    ['an empty file', async () => file('empty.pcap', ''), /empty\.pcap expected .*/],
    ['a text file', async () => file('notes.txt', 'these are not flows\n'), /notes\.txt expected .*/],
    ['a file that is not there', async () => join(folder, 'none.pcap'), /none\.pcap/],
    ['a folder', async () => folder, /flowreduce-e2e/],
  ]

  async function file(name: string, text: string): Promise<string> {
    const path = join(folder, name)
    await writeFile(path, text)
    return path
  }

  async function cutCapture(): Promise<string> {
    const bytes = await readFile(capture)
    const path = join(folder, 'cut.pcap')
    await writeFile(path, bytes.subarray(0, bytes.length - 100))
    return path
  }

  it.each(cases)('names %s in one line, ends with 1 and leaves nothing visible', async (_, make, message) => {
    const { code, stdout, stderr } = await flowreduce(['import', capture, await make(), '--store', store])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
    expect(stderr).toMatch(message)
    expect(await datasets()).toBe('no store')
  })
})

describe('flowreduce import into a place that it cannot write', () => {
  it('names a store that is a file', async () => {
    const { code, stderr } = await flowreduce(['import', capture, '--store', `file:${capture}`])
    expect(code).toBe(2)
    expect(stderr).toMatch(/^flowreduce: [^\n]*flows\.pcap[^\n]*\n$/)
  })

  it('names a folder without permission', async () => {
    // Root may write anywhere but into /proc.
    const place = process.getuid?.() === 0 ? '/proc/flowreduce' : join(folder, 'locked', 'store')
    await mkdir(join(folder, 'locked'))
    await chmod(join(folder, 'locked'), 0o500)
    const { code, stderr } = await flowreduce(['import', capture, '--store', `file:${place}`])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^flowreduce: [^\n]*\n$/)
    expect(stderr).toContain(place)
  })

  it('names a store of an unknown scheme, and that as a wrong request', async () => {
    const { code, stderr } = await flowreduce(['import', capture, '--store', 'ftp://example'])
    expect(code).toBe(2)
    expect(stderr).toBe(
      'flowreduce: store: URL expected file:DIR, memory:, s3://bucket/prefix or replica:URL,URL, got "ftp://example"\n',
    )
  })

  it('names wrong options', async () => {
    const size = await flowreduce(['import', capture, '--store', store, '--block-size', 'big'])
    expect(size).toMatchObject({ code: 2, stderr: expect.stringMatching(/^flowreduce: --block-size: .*got "big"\n$/) })
    const exporter = await flowreduce(['import', capture, '--store', store, '--exporter', 'me'])
    expect(exporter).toMatchObject({ code: 2, stderr: 'flowreduce: import: exporter expected an address, got me\n' })
  })
})
