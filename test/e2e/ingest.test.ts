import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { flowreduce, flowreduceJson, type Started, start, temporaryFolder } from './command.ts'

let folder: string
let store: string

beforeEach(async () => {
  folder = await temporaryFolder()
  store = `file:${join(folder, 'store')}`
})

interface Listening {
  readonly daemon: Started
  readonly target: string
}

async function listen(...options: string[]): Promise<Listening> {
  const spool = join(folder, 'spool')
  const daemon = start(['ingest', '--listen', 'udp://127.0.0.1:0', '--store', store, '--spool', spool, ...options])
  const [, target] = await daemon.seen(/listening on (udp:\S+)/)
  return { daemon, target: String(target).replace(/,$/, '') }
}

const records = async (): Promise<unknown> =>
  (await flowreduceJson<{ records: number }>(['fs', 'stat', 'flows', '--store', store])).records

describe('flowreduce ingest', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('commits everything it received on %s and ends with 0', async (signal) => {
    const { daemon, target } = await listen('--format', 'json')
    await flowreduceJson(['simulate', '--target', target, '--flows', '5000', '--rate', '20000'])
    daemon.kill(signal)
    const { code, stdout } = await daemon.finished
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ decoded: { flows: 5000 }, lost: { flows: 0, datagrams: 0, records: 0 } })
    expect(await records()).toBe(5000)
  })

  it('makes flows visible within the roll time while it goes on', async () => {
    const { daemon, target } = await listen('--roll', '500ms', '--interval', '200ms')
    await flowreduceJson(['simulate', '--target', target, '--flows', '2000', '--rate', '20000'])
    await daemon.seen(/2,000 flows, \d blocks? in \d+ commits?/)
    await daemon.seen(/[1-9]\d* blocks? in [1-9]\d* commits?/)
    expect(await records()).toBeGreaterThan(0)
    daemon.kill('SIGTERM')
    expect(await daemon.finished).toMatchObject({ code: 0 })
    expect(await records()).toBe(2000)
  })

  it('writes log lines as JSON when asked to', async () => {
    const daemon = start([
      ...['ingest', '--listen', 'udp://127.0.0.1:0', '--store', store, '--spool', 'none', '--log-format', 'json'],
    ])
    await daemon.seen(/listening on/)
    daemon.kill('SIGTERM')
    const { code, stderr } = await daemon.finished
    expect(code).toBe(0)
    const lines = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines).toContainEqual({
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      level: 'info',
      message: expect.stringContaining('listening on udp://127.0.0.1:'),
    })
  })

  it.each([
    [['--listen', 'tcp://127.0.0.1:1'], 2, 'tcp://127.0.0.1:1'],
    [['--allow', '10.0.0.0/33'], 2, '10.0.0.0/33'],
    [['--roll', 'often'], 2, '--roll'],
    [['--compact', 'often'], 2, '--compact: expected sealed or a number of blocks from 2 on, got often'],
    [['--listen', 'udp://192.0.2.1:2055'], 2, '192.0.2.1'],
  ])('refuses %j with one line that names it', async (options, code, culprit) => {
    const args = ['ingest', '--store', store, '--spool', 'none', '--listen', 'udp://127.0.0.1:0']
    const ended = await flowreduce([...args, ...options])
    expect(ended.code).toBe(code)
    const errors = ended.stderr.split('\n').filter((line) => line.startsWith('flowreduce: '))
    expect(errors).toHaveLength(1)
    expect(errors[0]).toContain(culprit)
  })
})
