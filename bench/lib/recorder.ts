import { createServer, type IncomingHttpHeaders, request as send } from 'node:http'

/** A part of an object that was asked for, as it can be asked for again while its signature holds. */
export interface RecordedRead {
  readonly path: string
  readonly headers: IncomingHttpHeaders
}

export interface Recorder {
  readonly endpoint: string
  /** All reads of parts so far, in order. */
  readonly reads: readonly RecordedRead[]
  /** Requests of any kind so far. */
  readonly requests: number
  close(): void
}

/** Starts a server on loopback that hands every request on to another, and keeps what was read. */
export async function startRecorder(endpoint: string): Promise<Recorder> {
  const { hostname, port } = new URL(endpoint)
  const reads: RecordedRead[] = []
  let requests = 0
  const server = createServer((asked, answer) => {
    const { method, url: path = '/', headers } = asked
    requests++
    if (method === 'GET' && headers.range !== undefined) reads.push({ path, headers })
    const handedOn = send({ hostname, port, method, path, headers }, (given) => {
      answer.writeHead(given.statusCode ?? 502, given.headers)
      given.pipe(answer)
    })
    handedOn.on('error', () => answer.destroy())
    asked.pipe(handedOn)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const own = typeof address === 'object' && address ? address.port : 0
  return {
    endpoint: `http://127.0.0.1:${own}`,
    reads,
    get requests() {
      return requests
    },
    close: () => void server.close().closeAllConnections(),
  }
}
