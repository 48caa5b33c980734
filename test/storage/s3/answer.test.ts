import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AnswerHead, AnswerReader } from '../../../src/storage/s3/answer.ts'
import { fc } from '../../kit/fast-check.ts'

interface Read {
  readonly heads: readonly AnswerHead[]
  readonly body: string
  readonly reader: AnswerReader
}

/** Reads pieces as they would arrive. */
function read(pieces: readonly Uint8Array[], hasBody = true): Read {
  const heads: AnswerHead[] = []
  let body = ''
  const reader = new AnswerReader({
    hasBody,
    onHead: ({ status, headers }) => {
      heads.push({ status, headers: new Map(headers) })
      return (piece) => {
        body += Buffer.from(piece).toString('latin1')
      }
    },
  })
  for (const piece of pieces) reader.feed(piece)
  return { heads, body, reader }
}

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')
const whole = (text: string, hasBody = true): Read => read([bytes(text)], hasBody)

const CHUNKED =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n'

describe('an answer', () => {
  it('has a body of a length, of chunks, or none', () => {
    expect(whole('HTTP/1.1 206 Partial Content\r\nContent-Length: 3\r\n\r\nabc').body).toBe('abc')
    expect(whole(CHUNKED).body).toBe('hello world')
    for (const text of ['HTTP/1.1 204 No Content\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'])
      expect(whole(text).reader.isDone).toBe(true)
    expect(whole('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n', false).reader.isDone).toBe(true)
  })

  it('passes over interim answers and joins fields of one name', () => {
    const { heads } = whole('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA: 1\r\na:2 \r\nContent-Length: 0\r\n\r\n')
    expect(heads).toEqual([
      {
        status: 200,
        headers: new Map([
          ['a', '1, 2'],
          ['content-length', '0'],
        ]),
      },
    ])
  })

  it('says whether the connection goes on', () => {
    const isLast = (head: string): boolean => whole(`${head}\r\nContent-Length: 0\r\n\r\n`).reader.isLast
    expect(isLast('HTTP/1.1 200 OK')).toBe(false)
    expect(isLast('HTTP/1.1 200 OK\r\nConnection: Close')).toBe(true)
    expect(isLast('HTTP/1.0 200 OK')).toBe(true)
    expect(isLast('HTTP/1.0 200 OK\r\nConnection: keep-alive')).toBe(false)
  })

  it('without a length ends with the connection, any other is cut then', () => {
    const open = whole('HTTP/1.1 200 OK\r\n\r\nabc')
    expect(open.reader.isDone).toBe(false)
    open.reader.end()
    expect([open.reader.isDone, open.reader.isLast, open.body]).toEqual([true, true, 'abc'])
    expect(() => whole('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc').reader.end()).toThrow('cut body')
    expect(() => whole(CHUNKED.slice(0, -2)).reader.end()).toThrow('cut body')
    expect(() => whole('').reader.end()).toThrow('ECONNRESET')
  })

  it('that is none is refused', () => {
    const head = 'HTTP/1.1 200 OK\r\n'
    for (const [text, message] of [
      ['SSH-2.0-x\r\n', 'bad answer'],
      ['HTTP/2 200\r\n', 'bad answer'],
      [`${head}no field\r\n`, 'bad answer'],
      [`${head}Content-Length: -1\r\n\r\n`, 'bad length'],
      [`${head}Content-Length: 1\r\nContent-Length: 1\r\n\r\n`, 'bad length'],
      [`${head}Transfer-Encoding: gzip\r\n\r\n`, 'bad encoding'],
      [`${head}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`, 'bad chunk'],
      [`${head}Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n`, 'bad chunk'],
      [`${head}Content-Length: 1\r\n\r\nab`, 'bytes behind an answer'],
      [`${head}A: ${'x'.repeat(70_000)}`, 'long head'],
    ] as const)
      expect(() => whole(text), text.slice(0, 60)).toThrow(message)
  })
})

describe('however an answer is cut into pieces', () => {
  let server: Server
  beforeAll(async () => {
    server = createServer((request, response) => {
      const { chunks, framed } = JSON.parse(decodeURIComponent(request.url?.slice(1) ?? ''))
      const length = chunks.join('').length
      response.writeHead(200, framed ? { 'content-length': length } : {})
      for (const chunk of chunks) response.write(chunk)
      response.end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  })
  afterAll(() => new Promise((resolve) => server.close(resolve)))

  /** The bytes that Node's server sends. */
  const ask = (path: string): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
      const parts: Buffer[] = []
      socket.on('data', (part) => parts.push(part))
      socket.on('end', () => resolve(Buffer.concat(parts)))
      socket.on('error', reject)
      socket.write(`GET /${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    })

  it('its body is what the server wrote', async () => {
    const chunk = fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme-ascii' })
    const cuts = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(fc.array(chunk, { maxLength: 5 }), fc.boolean(), cuts, async (chunks, framed, sizes) => {
        const sent = await ask(encodeURIComponent(JSON.stringify({ chunks, framed })))
        const pieces: Uint8Array[] = []
        for (let at = 0, i = 0; at < sent.length; at += sizes[i++ % sizes.length]!)
          pieces.push(sent.subarray(at, at + sizes[i % sizes.length]!))
        const { heads, body, reader } = read(pieces)
        expect(reader.isDone).toBe(true)
        expect(heads).toHaveLength(1)
        expect(body).toBe(chunks.join(''))
      }),
      { numRuns: 60 },
    )
  })
})
