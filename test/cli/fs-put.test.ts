import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { writeForeignAvro } from '../kit/foreign-avro.ts'
import { flowreduce } from './captured.ts'

let folder: string
let store: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flowreduce-put-'))
  store = `file:${folder}/store`
})

afterEach(() => rm(folder, { recursive: true, force: true }))

async function writeAvro(name: string, rows: number, codec = 'deflate'): Promise<string> {
  const path = join(folder, name)
  await writeForeignAvro(path, rows, codec)
  return path
}

describe('fs put', () => {
  it.each(['deflate', 'null'])(
    'adds flows that another tool has written with codec %s, which jobs then read',
    async (codec) => {
      const path = await writeAvro('foreign.avro', 10, codec)
      const put = await flowreduce(`fs put ${path} --store ${store} --format json`)
      expect(put).toMatchObject({ code: 0, stderr: '' })
      expect(JSON.parse(put.stdout)).toMatchObject({
        dataset: 'flows',
        records: 10,
        blocks: [expect.stringMatching(/^data\/flows\/2026-01-01\/00\//)],
      })
      const { stdout } = await flowreduce(`run totals --store ${store} --format json --quiet`)
      expect(JSON.parse(stdout).rows).toMatchObject([
        { flows: 10, packets: 20, bytes: 1000, first: '2026-01-01T00:00:00.000Z' },
      ])
      const cat = await flowreduce(
        `fs cat flows --store ${store} --columns start,dstAddr,bytes,srcPort --format ndjson --top 1`,
      )
      expect(JSON.parse(cat.stdout)).toEqual({
        start: '2026-01-01T00:00:00.000Z',
        dstAddr: '10.0.0.0',
        bytes: 100,
        srcPort: 0,
      })
      expect(await flowreduce(`fsck --deep --store ${store}`)).toMatchObject({ code: 0, stderr: '' })
      expect((await flowreduce(`compact --all --store ${store}`)).stdout).toContain(
        'compacted 1 block of flows (10 records',
      )
      expect((await flowreduce(`run totals --store ${store} --format json --quiet`)).stdout).toContain('"bytes":1000')
      expect(await flowreduce(`fsck --deep --store ${store}`)).toMatchObject({ code: 0, stderr: '' })
    },
  )

  it('gives a new dataset the columns of the file', async () => {
    const path = await writeAvro('foreign.avro', 3)
    expect((await flowreduce(`fs put ${path} --dataset traffic --store ${store}`)).code).toBe(0)
    const { stdout } = await flowreduce(`fs cat traffic --store ${store} --format csv`)
    expect(stdout.split('\n').slice(0, 2)).toEqual([
      'note,bytes,dstAddr,start,packets',
      'n0,100,0a000000,2026-01-01T00:00:00.000Z,2',
    ])
  })

  it('refuses the same content twice, unless told to', async () => {
    const path = await writeAvro('foreign.avro', 3)
    await flowreduce(`fs put ${path} --store ${store}`)
    const copy = join(folder, 'copy.avro')
    await writeFile(copy, await readFile(path))
    expect(await flowreduce(`fs put ${copy} --store ${store}`)).toMatchObject({
      code: 1,
      stderr: `flowreduce: put: ${copy} expected a file not put before, got one that was\n`,
    })
    expect((await flowreduce(`fs put ${copy} --store ${store} --again`)).code).toBe(0)
    const { stdout } = await flowreduce(`fs stat flows --store ${store} --format json`)
    expect(JSON.parse(stdout).records).toBe(6)
  })

  it('names a file that is damaged, no Avro, or cannot hold the columns, and stores nothing', async () => {
    const good = await writeAvro('good.avro', 3)
    const bytes = await readFile(good)
    await writeFile(join(folder, 'cut.avro'), bytes.subarray(0, bytes.length - 5))
    await writeFile(join(folder, 'text.avro'), 'not avro')
    for (const name of ['cut.avro', 'text.avro', 'none.avro']) {
      const { code, stdout, stderr } = await flowreduce(`fs put ${good} ${folder}/${name} --store ${store}`)
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      expect(stderr).toMatch(new RegExp(`^flowreduce: [^\\n]*${name}[^\\n]*\\n$`))
    }
    expect(await readdir(folder)).not.toContain('store')
  })
})
