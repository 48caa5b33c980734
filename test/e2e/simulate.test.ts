import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { flowreduce, flowreduceJson, temporaryFolder } from './command.ts'

interface Sent {
  readonly flows: number
  readonly packets: number
  readonly bytes: number
  readonly exporters: readonly { readonly flows: number; readonly protocol: string }[]
  readonly ports?: readonly { readonly port: number; readonly flows: number; readonly bytes: number }[]
}

const hashOf = async (path: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex')

describe('flowreduce simulate', () => {
  it('writes the same capture for the same seed, and another for another', async () => {
    const folder = await temporaryFolder()
    const write = (file: string, seed: number) =>
      flowreduceJson<Sent>(['simulate', '--target', join(folder, file), '--flows', '5000', '--seed', String(seed)])
    expect((await write('a.pcap', 7)).flows).toBe(5000)
    await write('b.pcap', 7)
    await write('c.pcap', 8)
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => hashOf(join(folder, `${name}.pcap`))))
    expect(b).toBe(a)
    expect(c).not.toBe(a)
  })

  it('prints totals that add up over exporters and ports', async () => {
    const folder = await temporaryFolder()
    const sent = await flowreduceJson<Sent>([
      ...['simulate', '--target', join(folder, 'a.pcap'), '--flows', '3000', '--exporters', '4', '--ports'],
    ])
    const sum = (rows: readonly { readonly flows: number }[]): number =>
      rows.reduce((total, { flows }) => total + flows, 0)
    expect(sum(sent.exporters)).toBe(3000)
    expect(sum(sent.ports ?? [])).toBe(3000)
    expect(sent.exporters.map(({ protocol }) => protocol)).toEqual(['v5', 'v9', 'ipfix', 'v5'])
  })

  it.each([
    [['--target', 'http://x'], 'simulate: target expected udp://host:port or a file, got http://x'],
    [['--target', 'x.pcap', '--protocol', 'v5,v7'], '--protocol: expected some of v5, v9, ipfix, got "v7"'],
    [
      ['--target', 'x.pcap', '--start', 'soon'],
      '--start: flow: time expected ISO 8601 such as 2026-01-31T08:30:00Z, got "soon"',
    ],
    [['--target', 'x.pcap', '--flows', '-3'], 'simulate: flows expected 0 to 9007199254740991, got -3'],
  ])('refuses %j with one line and exit code 2', async (args, message) => {
    const cwd = await temporaryFolder()
    expect(await flowreduce(['simulate', ...args], { cwd })).toMatchObject({
      code: 2,
      stdout: '',
      stderr: `flowreduce: ${message}\n`,
    })
  })
})
