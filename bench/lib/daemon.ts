import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

const CLI = new URL('../../dist/cli.js', import.meta.url).pathname

/** A real ingest daemon with metrics, as a process of its own. */
export interface BenchDaemon {
  /** `udp://host:port` */
  readonly target: string
  /** The value of a metric, without its labels all of them together. */
  metric(name: string): Promise<number>
  /** Ends it; rejects when it does not end well. */
  stop(): Promise<void>
}

/** Starts `flowreduce ingest` on a free port of loopback. */
export async function startDaemon(...options: readonly string[]): Promise<BenchDaemon> {
  const args = ['ingest', '--listen', 'udp://127.0.0.1:0', '--metrics', '127.0.0.1:0', '--interval', '1h', ...options]
  const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(child, 'close')
  const [target = '', metrics = ''] = await listening(child)
  return {
    target,
    async metric(name) {
      const text = await (await fetch(`${metrics}/metrics`)).text()
      const samples = text
        .split('\n')
        .filter(
          (line) => line.startsWith(`flowreduce_ingest_${name} `) || line.startsWith(`flowreduce_ingest_${name}{`),
        )
      return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
    },
    async stop() {
      child.kill('SIGTERM')
      await ended
      if (child.exitCode !== 0) throw new Error(`bench: daemon expected to end with 0, got ${child.exitCode}`)
    },
  }
}

/** Addresses of the socket and of the metrics, once it says them. */
function listening(child: ChildProcess): Promise<string[]> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stderr?.setEncoding('utf8').on('data', (part: string) => {
      text += part
      const [, target, metrics] = /^listening on (\S+), metrics on (\S+)$/m.exec(text) ?? []
      if (target !== undefined && metrics !== undefined) resolve([target, metrics])
    })
    child.on('close', (code) => {
      if (code !== 0) process.stderr.write(text)
      reject(new Error(`bench: daemon expected to listen, got: ${text}`))
    })
  })
}

/** Sends flows to a daemon, `rate` a second, and returns how many it sent. */
export async function sendFlows(target: string, flows: number, rate: number, ...options: string[]): Promise<number> {
  const args = ['simulate', '--target', target, '--flows', String(flows), '--rate', String(rate), ...options]
  const child = spawn(process.execPath, [CLI, ...args, '--format', 'json', '--quiet'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    output += part
  })
  await once(child, 'close')
  return (JSON.parse(output) as { flows: number }).flows // what simulate prints
}
