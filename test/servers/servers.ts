import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CreateBucketCommand, ListBucketsCommand, S3Client } from '@aws-sdk/client-s3'

export type ServerName = 'minio' | 'versitygw'

export const SERVERS: readonly ServerName[] = ['minio', 'versitygw']

export const ACCESS_KEY = 'testkey01'
export const SECRET_KEY = 'testsecret0123456'
export const BUCKET = 'flows'

const INSTALL = 'scripts/install-servers.sh'

export interface RunningServer {
  readonly name: ServerName
  readonly endpoint: string
  readonly pid: number
  /** Folder the server keeps its data in. */
  readonly folder: string
  /** A client with the rights of the tests, for what a store has no call for. */
  readonly client: S3Client
  /** Kills the server at once, as a crash of the machine would end it, and starts it again on its data. */
  restart(): Promise<void>
  /** Stops the server and removes its data. */
  stop(): Promise<void>
}

/** The binary that `scripts/install-servers.sh` built. A missing one is an error that names the command: these tests never pass by not running. */
export function serverBinary(name: ServerName): string {
  const script = readFileSync(fileURLToPath(new URL(`../../${INSTALL}`, import.meta.url)), 'utf8')
  const version = new RegExp(`^${name.toUpperCase()}_VERSION=(\\S+)$`, 'm').exec(script)?.[1]
  const goVersion = execFileSync('go', ['env', 'GOVERSION'], { encoding: 'utf8' }).trim()
  const cache = process.env.FLOWREDUCE_CACHE ?? join(homedir(), '.cache', 'flowreduce')
  const path = join(cache, 'bin', `${name}-${version}-${goVersion}`)
  if (!existsSync(path)) throw new Error(`servers: ${name} expected at ${path}, got none; run ${INSTALL}`)
  return path
}

/** Sets the credentials of the servers, and nothing else of the machine's AWS settings counts. */
export function useTestCredentials(): void {
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name]
  process.env.AWS_ACCESS_KEY_ID = ACCESS_KEY
  process.env.AWS_SECRET_ACCESS_KEY = SECRET_KEY
  process.env.AWS_CONFIG_FILE = '/dev/null'
  process.env.AWS_SHARED_CREDENTIALS_FILE = '/dev/null'
}

/** Starts a real server on a free port of loopback, with an empty folder and the bucket `flows`. */
export async function startServer(name: ServerName): Promise<RunningServer> {
  const binary = serverBinary(name)
  useTestCredentials()
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'
  const folder = await mkdtemp(join(tmpdir(), `flowreduce-${name}-`))
  const data = join(folder, 'data')
  await mkdir(data)
  const [port, consolePort] = [await freePort(), await freePort()]
  const endpoint = `http://127.0.0.1:${port}`
  const credentials = { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY }
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, maxAttempts: 1, credentials })
  const log = join(folder, 'log')
  const start = (): ChildProcess => launch(name, binary, { port, consolePort, data, log })
  let child = start()
  try {
    await ready(child, client, log)
    await client.send(new CreateBucketCommand({ Bucket: BUCKET }))
  } catch (error) {
    await end(child)
    throw error
  }
  return {
    name,
    endpoint,
    folder: data,
    client,
    get pid() {
      return child.pid ?? 0
    },
    async restart() {
      await end(child)
      child = start()
      await ready(child, client, log)
    },
    async stop() {
      client.destroy()
      await end(child)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

interface LaunchOptions {
  readonly port: number
  readonly consolePort: number
  readonly data: string
  readonly log: string
}

function launch(name: ServerName, binary: string, { port, consolePort, data, log }: LaunchOptions): ChildProcess {
  const address = `127.0.0.1:${port}`
  const minio = ['server', '--quiet', '--address', address, '--console-address', `127.0.0.1:${consolePort}`, data]
  const settings = {
    minio: { MINIO_ROOT_USER: ACCESS_KEY, MINIO_ROOT_PASSWORD: SECRET_KEY, MINIO_BROWSER: 'off', MINIO_UPDATE: 'off' },
    versitygw: { ROOT_ACCESS_KEY: ACCESS_KEY, ROOT_SECRET_KEY: SECRET_KEY },
  }
  const output = openSync(log, 'a')
  try {
    return spawn(binary, name === 'minio' ? minio : ['--port', address, 'posix', data], {
      env: { PATH: process.env.PATH, HOME: data, ...settings[name] },
      stdio: ['ignore', output, output],
    })
  } finally {
    closeSync(output)
  }
}

/** Waits until the server answers; a server that ended instead is an error with what it said last. */
async function ready(child: ChildProcess, client: S3Client, log: string): Promise<void> {
  const deadline = Date.now() + 60_000
  for (;;) {
    const answered = await client.send(new ListBucketsCommand({})).then(
      () => true,
      () => false,
    )
    if (answered) return
    if (child.exitCode !== null || Date.now() > deadline)
      throw new Error(`servers: a server expected to start, got: ${readFileSync(log, 'utf8').slice(-2000)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}
