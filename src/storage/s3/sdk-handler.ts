import type { HttpHandler } from '@smithy/core/protocols'
import type { Connections } from './connections.ts'
import type { S3Sdk } from './sdk.ts'

type SdkRequest = Parameters<HttpHandler['handle']>[0]
type SdkOptions = Parameters<HttpHandler['handle']>[1]

/** Sends the requests of the SDK over the connections of a store. Answers come whole: objects, the only large ones, are fetched by their signed URLs. */
export class SdkHandler implements HttpHandler {
  readonly metadata = { handlerProtocol: 'http/1.1' }
  private readonly connections: Connections
  private readonly sdk: Pick<S3Sdk, 'buildQueryString'>

  constructor(connections: Connections, sdk: S3Sdk) {
    this.connections = connections
    this.sdk = sdk
  }

  async handle(request: SdkRequest, options: SdkOptions = {}): ReturnType<HttpHandler['handle']> {
    const { protocol, hostname, port, method, headers, body } = request
    const origin = `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`
    const signal = options.abortSignal instanceof AbortSignal ? options.abortSignal : undefined
    const response = { statusCode: 0, headers: {} as { [name: string]: string }, body: new Uint8Array(0) }
    const pieces: Uint8Array[] = []
    const call = { origin, method, path: pathOf(request, this.sdk), headers, body }
    await this.connections.exchange(
      call,
      {
        head(status, given) {
          response.statusCode = status
          for (const [name, value] of Object.entries(given)) response.headers[name] = String(value)
        },
        bytes: (piece) => void pieces.push(new Uint8Array(piece)),
      },
      signal,
    )
    response.body = new Uint8Array(Buffer.concat(pieces))
    return { response }
  }

  updateHttpClientConfig(): void {}

  httpHandlerConfigs(): object {
    return {}
  }

  destroy(): void {
    this.connections.close()
  }
}

/** Path and query of a request of the SDK. */
export function pathOf(
  { path, query }: Pick<SdkRequest, 'path'> & Partial<Pick<SdkRequest, 'query'>>,
  sdk: Pick<S3Sdk, 'buildQueryString'>,
): string {
  const words = query && sdk.buildQueryString(query)
  return words ? `${path}?${words}` : path
}
