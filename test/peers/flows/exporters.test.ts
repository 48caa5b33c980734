import { createSocket } from 'node:dgram'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { start } from '../../e2e/command.ts'
import { makePlace, type Place, type Result } from '../../e2e/place.ts'
import { pause, type Recorder, record, replay } from '../../kit/udp.ts'
import { type Nfcapd, type Sums, startNfcapd } from './nfdump.ts'
import { Program } from './program.ts'
import { addTo, makeTraffic, type Volume } from './traffic.ts'

/**
 * Flow meters of other projects export what they see; the same datagrams go to `nfcapd` and to the daemon, and both must have the same
 * sums by port and by network, which are also those of the packets metered.
 */

const PACKETS = 6000

/** Both collectors after they have taken the same datagrams. */
interface Collected {
  readonly place: Place
  readonly nfcapd: Nfcapd
}

async function recorder(): Promise<Recorder> {
  const recording = await record()
  onTestFinished(() => recording.close())
  return recording
}

/** Gives what a recorder holds to both collectors, and stops them. */
async function collect({ datagrams }: Recorder): Promise<Collected> {
  expect(datagrams.length).toBeGreaterThan(0)
  const place = await makePlace()
  const files = join(place.folder, 'nfcapd')
  mkdirSync(files)
  const nfcapd = await startNfcapd(files)
  const spool = join(place.folder, 'spool')
  const listen = ['--listen', 'udp://127.0.0.1:0', '--store', place.store, '--spool', spool, '--format', 'json']
  const daemon = start(['ingest', ...listen])
  const [, port] = await daemon.seen(/listening on udp:\/\/127\.0\.0\.1:(\d+)/)
  await replay(datagrams, [nfcapd.port, Number(port)])
  await pause(300)
  await nfcapd.stop()
  daemon.kill('SIGTERM')
  const { code, stdout } = await daemon.finished
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    receiver: { received: datagrams.length },
    decoded: { malformedDatagrams: 0, setsWithoutTemplate: 0, duplicates: 0 },
    lost: { flows: 0, datagrams: 0, records: 0 },
  })
  return { place, nfcapd }
}

const sumsBy = (key: string, rows: Result['rows']): Map<string, Sums> =>
  new Map(rows.map((row) => [String(row[key]), [Number(row.flows), Number(row.packets), Number(row.bytes)]]))

async function expectSameSums({ place, nfcapd }: Collected, metered: ReadonlyMap<number, Volume>): Promise<void> {
  const ports = sumsBy('port', (await place.run('port-breakdown')).rows)
  const volumes = new Map([...ports].map(([port, [, packets, bytes]]) => [Number(port), { bytes, packets }]))
  expect(volumes).toEqual(metered)
  expect(ports).toEqual(nfcapd.sums('dstport', '%dp', 'any'))
  for (const direction of ['dst', 'src'] as const) {
    const { rows } = await place.run('subnet-bytes', '--set', `direction=${direction}`)
    expect(sumsBy('subnet', rows)).toEqual(networks(nfcapd, direction))
  }
}

/** What nfdump has by /24 of IPv4 and /64 of IPv6. */
function networks(nfcapd: Nfcapd, direction: 'src' | 'dst'): Map<string, Sums> {
  const tag = `%${direction[0]}a`
  const v4 = nfcapd.sums(`${direction}ip4/24`, tag, 'ipv4')
  const v6 = nfcapd.sums(`${direction}ip6/64`, tag, 'ipv6')
  return new Map([
    ...[...v4].map(([net, sums]) => [`${net}/24`, sums] as const),
    ...[...v6].map(([net, sums]) => [`${net}/64`, sums] as const),
  ])
}

describe('softflowd over a capture', () => {
  it.each([
    ['NetFlow v5', ['-v', '5'], false],
    ['NetFlow v9', ['-v', '9'], true],
    ['IPFIX', ['-v', '10'], true],
    ['IPFIX with times of microseconds', ['-v', '10', '-A', 'micro'], true],
    ['IPFIX biflows', ['-v', '10', '-b'], true],
  ] as const)('as %s: the daemon has the sums that nfdump has', async (_, options, withIpv6) => {
    const traffic = makeTraffic(options.length, PACKETS, { withIpv6 })
    const recording = await recorder()
    const place = await makePlace()
    const capture = join(place.folder, 'metered.pcap')
    writeFileSync(capture, traffic.capture)
    const to = `127.0.0.1:${recording.port}`
    await new Program('softflowd', ['-r', capture, '-d', '-n', to, ...options]).end()
    await recording.quiet()
    await expectSameSums(await collect(recording), traffic.ports)
  })
})

/** Sends datagrams between addresses of the loopback network; returns the octets and packets by port of the receivers. */
async function sendOverLoopback(first: number): Promise<Map<number, Volume>> {
  const metered = new Map<number, Volume>()
  for (let source = 0; source < 6; source++) {
    const socket = createSocket('udp4')
    await new Promise<void>((resolve) => socket.bind(first + 8, `127.7.${source % 3}.${1 + source}`, resolve))
    // Nobody receives: the answers that a port is unreachable are ICMP, which is not metered.
    socket.on('error', () => undefined)
    for (let i = 0; i < 100; i++) {
      const port = first + (i % 4)
      const size = 20 + i * 7
      await new Promise<void>((resolve) => socket.send(new Uint8Array(size), port, `127.8.${i % 5}.9`, () => resolve()))
      addTo(metered, port, 28 + size)
      if (i % 10 === 9) await pause(5)
    }
    await new Promise<void>((resolve) => socket.close(resolve))
  }
  return metered
}

describe('fprobe on the loopback interface', () => {
  it('as NetFlow v5: the daemon has the sums that nfdump has', async () => {
    const recording = await recorder()
    const first = 21_000 + (process.pid % 1000) * 10
    const filter = `udp and dst portrange ${first}-${first + 3}`
    const options = [
      '-i',
      'lo',
      '-p',
      '-f',
      filter,
      '-s',
      '1',
      '-d',
      '1',
      '-e',
      '2',
      '-l',
      '2',
      '-n',
      '5',
      '-q',
      '5000',
    ]
    const fprobe = Program.asRoot('fprobe', [...options, `127.0.0.1:${recording.port}`])
    await pause(1500)
    const metered = await sendOverLoopback(first)
    await fprobe.until(() => recording.datagrams.length > 0)
    await recording.quiet(2500)
    await fprobe.end('SIGTERM')
    await recording.quiet()
    await expectSameSums(await collect(recording), metered)
  })
})
