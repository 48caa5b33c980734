import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { writeForeignAvro } from '../kit/foreign-avro.ts'
import { flowreduce, flowreduceJson, temporaryFolder } from './command.ts'
import type { Result } from './place.ts'

const ROWS = 20_000

// Rows without a checksum of their own are known to be damaged only after they were decoded; those of the other copy take their place.
it.each(['null', 'deflate'])('compacts the right rows where one copy is damaged, with codec %s', async (codec) => {
  const folder = await temporaryFolder()
  const foreign = join(folder, 'foreign.avro')
  await writeForeignAvro(foreign, ROWS, codec)
  const volume = join(folder, 'a')
  const store = `replica:file:${volume},file:${join(folder, 'b')}`
  await flowreduceJson(['fs', 'put', foreign, '--store', store])

  const [block = ''] = readdirSync(volume, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.avro'),
  )
  const bytes = readFileSync(join(volume, block))
  for (let at = bytes.length >> 1; at < bytes.length - 100; at += bytes.length >> 3) bytes[at]! ^= 0x40
  writeFileSync(join(volume, block), bytes)

  await flowreduceJson(['compact', '--all', '--store', store])
  const { rows } = await flowreduceJson<Result>(['run', 'totals', '--store', store])
  expect(rows).toEqual([expect.objectContaining({ flows: ROWS, packets: 2 * ROWS, bytes: 100 * ROWS })])
  const { code, stdout } = await flowreduce(['fsck', '--deep', '--store', store, '--format', 'json'])
  expect({ code, problems: JSON.parse(stdout).problems }).toEqual({ code: 0, problems: [] })
})
