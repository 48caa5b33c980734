import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { createFlowBatch } from '../../../src/flow/batch.ts'
import { createDecoder } from '../../../src/ingest/decode/decoder.ts'
import { ipfix, META, set, template, u } from './wire.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

describe('docs/conformance.md', () => {
  it('names tests that exist', () => {
    const folders = ['test/ingest', 'test/captures', 'test/e2e'].map((folder) => join(ROOT, folder))
    const files = folders.flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
    )
    const tests = files.filter((file) => file.endsWith('.test.ts')).map((file) => readFileSync(file, 'utf8'))
    const page = readFileSync(join(ROOT, 'docs/conformance.md'), 'utf8')
    const named = [...page.matchAll(/"([^"]+)"/g)].map(([, name = '']) => name.replace(/ \.\.\.$/, ''))
    expect(named.length).toBeGreaterThan(40)
    expect(named.filter((name) => !tests.some((text) => text.includes(name)))).toEqual([])
  })
})

describe('a sink that makes no room', () => {
  it('is the one thing that throws', () => {
    const sink = { batch: createFlowBatch(2), flush: () => undefined }
    const message = ipfix([set(2, template(256, [1, 4])), set(256, u(32, 1, 2, 3))])
    const send = () => createDecoder().datagram(message, META, sink)
    expect(send).toThrow('decode: room in the batch expected after a flush, got 2 of 2 rows')
  })
})
