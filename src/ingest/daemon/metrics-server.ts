import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { IngestError } from '../error.ts'
import { METRICS_CONTENT_TYPE, metricsText } from './metrics.ts'
import { obstacles } from './obstacles.ts'
import type { IngestStatus } from './status.ts'

/** A listening metrics server. */
export interface MetricsServer {
  /** `http://host:port` as bound. */
  readonly url: string
  close(): Promise<void>
}

/**
 * Serves `/metrics` (Prometheus text) and `/healthz` (200 while the daemon stores what it receives, 503 and why while it cannot) on
 * `host:port`; port 0 takes a free one. Throws IngestError `bad-listen`.
 */
export async function serveMetrics(listen: string, status: () => IngestStatus): Promise<MetricsServer> {
  const url = URL.canParse(`http://${listen}`) ? new URL(`http://${listen}`) : undefined
  if (!url || url.hostname === '' || !/:\d+$/.test(listen)) {
    throw new IngestError('bad-listen', `ingest: metrics expected host:port, got ${listen}`, { listen })
  }
  const server = createServer((request, response) => answer(request, response, status()))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(Number(/\d+$/.exec(listen)?.[0]), url.hostname.replace(/^\[|\]$/g, ''), resolve)
  }).catch((error: NodeJS.ErrnoException) => {
    const message = `ingest: metrics expected an address that can be bound, got ${listen} (${error.code})`
    throw new IngestError('bad-listen', message, { listen }, error)
  })
  return { url: boundUrl(server), close: () => closeServer(server) }
}

function answer({ method, url }: IncomingMessage, response: ServerResponse, status: IngestStatus): void {
  if (method !== 'GET' && method !== 'HEAD') response.writeHead(405).end('only GET\n')
  else if (url === '/metrics')
    response.writeHead(200, { 'content-type': METRICS_CONTENT_TYPE }).end(metricsText(status))
  else if (url === '/healthz') {
    const lines = obstacles(status)
    response.writeHead(lines.length > 0 ? 503 : 200).end(lines.length > 0 ? `${lines.join('\n')}\n` : 'ok\n')
  } else response.writeHead(404).end('see /metrics and /healthz\n')
}

function boundUrl(server: Server): string {
  const bound = server.address()
  if (bound === null || typeof bound === 'string') return ''
  return `http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
