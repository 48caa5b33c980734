import { readFile } from 'node:fs/promises'
import { StorageError } from '../errors.ts'
import { findAccess } from './access.ts'
import { Answer } from './answer.ts'
import { Connections } from './connections.ts'
import { failureOf, S3Failure } from './failure.ts'
import type { S3Parts } from './parts.ts'
import type { Receiver, S3Request } from './request.ts'
import { Signer } from './signer.ts'
import type { Silence } from './silence.ts'
import { checkEndpoint, type S3Location } from './url.ts'

export interface ConnectOptions {
  readonly location: S3Location
  /** Connections, and so requests, at a time. */
  readonly concurrency: number
  /** Time to open a connection, milliseconds. */
  readonly connectMs: number
  readonly environment: NodeJS.ProcessEnv
}

/** Sends requests to one bucket: signed, and tried once. */
export class S3Client {
  readonly parts: S3Parts
  private readonly connections: Connections
  private readonly signer: Signer

  constructor(parts: S3Parts, connections: Connections, signer: Signer) {
    this.parts = parts
    this.connections = connections
    this.signer = signer
  }

  /** Sends a request whose answer is no object. Fails as `exchange` does, and with every answer that is an error. */
  ask(request: S3Request, silence: Silence): Promise<Answer> {
    return this.exchange(request, new Answer(silence), silence)
  }

  /** Sends a request and takes in its answer. Fails with what broke, or with what the receiver makes of another answer. */
  async exchange<Result>(request: S3Request, receiver: Receiver<Result>, silence: Silence): Promise<Result> {
    const { method, range, body } = request
    const { origin, path, headers } = await this.signer.of(request)
    const call = { origin, method, path, headers: range === undefined ? headers : { ...headers, range }, body }
    await this.connections.exchange(call, receiver, silence)
    try {
      return receiver.take()
    } catch (error) {
      if (error instanceof S3Failure && error.refused) this.signer.refused(request, receiver.headers.date)
      throw error
    }
  }
}

/** Loads what requests are made of: not before a store on S3 is opened. */
export const loadParts = (): Promise<S3Parts> => import('./parts.ts')

/** Makes a client, which finds out who asks and where. */
export async function connect({ location, environment, concurrency, connectMs }: ConnectOptions): Promise<S3Client> {
  const parts = await loadParts()
  const authorities = await certificateAuthorities(environment)
  const access = await findAccess(parts, location, environment).catch((error: unknown) => {
    throw failureOf(error)
  })
  return new S3Client(parts, new Connections(parts, { concurrency, connectMs, authorities }), new Signer(parts, access))
}

/** The location with what the usual variables add to it; what the URL says goes first. */
export function withEnvironment(location: S3Location, environment: NodeJS.ProcessEnv): S3Location {
  if (location.endpoint !== undefined || environment.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS === 'true') return location
  const endpoint = environment.AWS_ENDPOINT_URL_S3 || environment.AWS_ENDPOINT_URL
  return endpoint ? { ...location, endpoint: checkEndpoint(endpoint) } : location
}

/** Certificates of the file that the AWS tools take them from; Node does not read it by itself. */
async function certificateAuthorities(environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  const path = environment.AWS_CA_BUNDLE
  if (!path) return undefined
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new StorageError(
      'denied',
      `store: AWS_CA_BUNDLE expected a readable file, got none at ${path}`,
      { path },
      error,
    )
  }
}
