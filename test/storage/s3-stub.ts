import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { answer, type StubAnswer, type StubObjects, type StubRequest } from './s3-stub-objects.ts'

/** What the stub does to a request instead of answering it properly. */
export type StubFault =
  /** Answers with an error, before any effect or after it. */
  | {
      readonly type: 'error'
      readonly status: number
      readonly code: string
      readonly after?: boolean
      readonly headers?: { readonly [name: string]: string }
    }
  /** Breaks the connection, before any effect or after it: in the latter case the reply is lost. */
  | { readonly type: 'reset'; readonly after?: boolean }
  /** Never answers, before any effect or after it; with `bodyBytes`, falls silent after so many bytes of the body. */
  | { readonly type: 'silence'; readonly bodyBytes?: number; readonly after?: boolean }
  /** Sends half of the body and breaks the connection, or ends the answer in order, without the length. */
  | { readonly type: 'cut'; readonly orderly?: boolean }
  /** Changes one byte of the body, whose checksum stays. */
  | { readonly type: 'flip' }
  /** Leaves out the keys written last, as a store that is not consistent would. */
  | { readonly type: 'stale-list'; readonly hidden: number }
  /** Lists backwards. */
  | { readonly type: 'unsorted-list' }
  /** Sends the whole object whatever the range. */
  | { readonly type: 'ignore-range' }
  /** Answers 403 and repeats all headers of the request in the error. */
  | { readonly type: 'echo' }

export interface S3Stub {
  readonly endpoint: string
  readonly objects: StubObjects
  /** All requests so far. */
  readonly requests: readonly StubRequest[]
  /** Connections opened so far. */
  readonly connections: number
  /** Answers of which the client has not taken the whole body. */
  readonly openAnswers: number
  /** Gives the next `times` requests for which `when` holds this fault. */
  inject(
    fault: StubFault,
    options?: { readonly times?: number; readonly when?: (request: StubRequest) => boolean },
  ): void
  close(): Promise<void>
}

interface Injected {
  readonly fault: StubFault
  readonly when: (request: StubRequest) => boolean
  left: number
}

export interface S3StubOptions {
  readonly bucket?: string
  /** Key and certificate, to speak https. */
  readonly tls?: { readonly key: Uint8Array; readonly cert: Uint8Array }
}

/** Starts an S3 server on loopback that keeps objects in memory, behaves as AWS documents, and goes wrong on request. */
export async function startS3Stub({ bucket = 'bucket', tls }: S3StubOptions = {}): Promise<S3Stub> {
  const objects: StubObjects = { bucket, stored: new Map(), uploads: new Map(), order: [] }
  const requests: StubRequest[] = []
  const injected: Injected[] = []
  const sockets = new Set<Socket>()
  let connections = 0
  let openAnswers = 0

  const faultOf = (request: StubRequest): StubFault | undefined => {
    const entry = injected.find((candidate) => candidate.left > 0 && candidate.when(request))
    if (entry) entry.left--
    return entry?.fault
  }
  const onRequest = (message: IncomingMessage, response: ServerResponse): void => {
    openAnswers++
    response.on('close', () => openAnswers--)
    void handle(message, response).catch(() => message.socket.destroy())
  }
  const server = tls
    ? createTlsServer({ key: Buffer.from(tls.key), cert: Buffer.from(tls.cert) }, onRequest)
    : createServer(onRequest)
  const handle = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const request = await receive(message)
    requests.push(request)
    const fault = faultOf(request)
    if (fault?.type === 'reset' && !fault.after) return void message.socket.destroy()
    if (fault?.type === 'silence' && fault.bodyBytes === undefined && !fault.after) return
    const result = misbehave(objects, request, fault)
    if (fault?.type === 'reset') return void message.socket.destroy()
    if (fault?.type === 'silence' && fault.after) return
    send(response, request, result, fault)
  }
  server.on('connection', (socket) => {
    connections++
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    objects,
    requests,
    get connections() {
      return connections
    },
    get openAnswers() {
      return openAnswers
    },
    inject: (fault, { times = 1, when = () => true } = {}) => void injected.push({ fault, when, left: times }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

async function receive(message: IncomingMessage): Promise<StubRequest> {
  const url = new URL(message.url ?? '/', 'http://stub')
  const parts: Uint8Array[] = []
  for await (const part of message) parts.push(part)
  const [, bucket = '', ...rest] = url.pathname.split('/')
  return {
    method: message.method ?? '',
    bucket: decodeURIComponent(bucket),
    key: decodeURIComponent(rest.join('/')),
    query: url.searchParams,
    headers: message.headers,
    body: new Uint8Array(Buffer.concat(parts)),
  }
}

/** The answer, made wrong as the fault says. */
function misbehave(objects: StubObjects, request: StubRequest, fault: StubFault | undefined): StubAnswer {
  switch (fault?.type) {
    case 'error':
      if (fault.after) answer(objects, request)
      return { status: fault.status, code: fault.code, headers: { ...fault.headers } }
    case 'echo':
      return { status: 403, code: 'SignatureDoesNotMatch', message: JSON.stringify(request.headers) }
    case 'ignore-range':
      return answer(objects, { ...request, headers: { ...request.headers, range: undefined } })
    case 'stale-list':
      return answer(objects, request, { hidden: fault.hidden })
    case 'unsorted-list':
      return answer(objects, request, { backwards: true })
    case 'flip': {
      const right = answer(objects, request)
      const body = right.body?.slice()
      if (body?.length) body[body.length >> 1] = (body[body.length >> 1] ?? 0) ^ 1
      return body ? { ...right, body } : right
    }
    default:
      return answer(objects, request)
  }
}

function send(response: ServerResponse, request: StubRequest, result: StubAnswer, fault: StubFault | undefined): void {
  const { status, headers = {}, code } = result
  const body = code === undefined ? (result.body ?? new Uint8Array(0)) : errorBody(code, result.message ?? 'stub')
  const cut = fault?.type === 'cut'
  const all: { [name: string]: string } = { 'x-amz-request-id': 'stub', ...headers }
  if (request.method !== 'HEAD') all['content-length'] = String(body.length)
  if (cut && fault.orderly) delete all['content-length']
  response.writeHead(status, all)
  if (request.method === 'HEAD') return void response.end()
  if (fault?.type === 'silence') return void response.write(body.subarray(0, fault.bodyBytes))
  if (!cut) return void response.end(body)
  const half = body.subarray(0, body.length >> 1)
  if (fault.orderly) return void response.end(half)
  response.write(half, () => response.destroy())
}

function errorBody(code: string, message: string): Uint8Array {
  const text = message.replace(/[<>&]/g, '.')
  return Buffer.from(
    `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${text}</Message><Resource>${text}</Resource></Error>`,
  )
}
