import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, it } from 'vitest'
import { allowList } from '../../../src/ingest/daemon/allow.ts'
import { ChunkReader, FRAME_BYTES } from '../../../src/ingest/daemon/chunk.ts'
import { ChunkPool } from '../../../src/ingest/daemon/chunk-pool.ts'
import { ConnectedSocket } from '../../../src/ingest/daemon/connected-socket.ts'
import { Intake } from '../../../src/ingest/daemon/intake.ts'
import { kernelDrops } from '../../../src/ingest/daemon/kernel-drops.ts'
import { Listener } from '../../../src/ingest/daemon/listener.ts'
import { Receiver } from '../../../src/ingest/daemon/receiver.ts'
import { ReceiverCounters } from '../../../src/ingest/daemon/receiver-counters.ts'
import { bindBeside, type ListeningSocket, listenOn } from '../../../src/ingest/daemon/sockets.ts'
import { realSystem } from '../../../src/storage/system.ts'
import { pause } from '../../kit/udp.ts'

const BUFFER_BYTES = 4 << 20

/** What a receiver took: of each sender (`address port`) the payloads in order, by their first 4 bytes. */
class Taken {
  readonly counters = new ReceiverCounters()
  readonly receiver: Receiver
  readonly #pool = ChunkPool.create(64)
  readonly #reader = new ChunkReader()
  readonly #numbers = new Map<string, number[]>()
  readonly lengths: number[] = []

  constructor() {
    this.receiver = new Receiver({
      pool: this.#pool,
      counters: this.counters,
      allow: allowList([]),
      system: realSystem(),
      onChunk: (chunk, frameBytes) => {
        this.#reader.read(this.#pool.bytes(chunk, frameBytes).subarray(FRAME_BYTES), (payload, { text }, port) => {
          const numbers = this.#numbers.get(`${text} ${port}`) ?? []
          this.#numbers.set(`${text} ${port}`, numbers)
          numbers.push(payload.length < 4 ? -1 : new DataView(payload.buffer, payload.byteOffset).getUint32(0))
          this.lengths.push(payload.length)
        })
        this.#pool.free(chunk)
      },
    })
  }

  /** What is wrong with the numbers of a sender that has sent those from 0 to `count`; undefined when nothing is. */
  wrong(count: number, port: number, address?: string): string | undefined {
    const numbers = this.numbers(port, address)
    const at = numbers.findIndex((number, index) => number !== index)
    if (at >= 0) return `got ${numbers.length}, of these ${numbers[at]} in place of ${at}`
    return numbers.length === count ? undefined : `got ${numbers.length} of ${count}`
  }

  numbers(port: number, address = '127.0.0.1'): readonly number[] {
    this.receiver.flush()
    return this.#numbers.get(`${address} ${port}`) ?? []
  }
}

/** A sender whose datagrams are at the receiving socket when `send` returns. */
interface Sender {
  readonly address: string
  readonly port: number
  readonly socket: Socket
  /** Sends numbered datagrams. */
  send(from: number, to: number): void
}

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

async function sender(port: number, address = '127.0.0.1'): Promise<Sender> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  await new Promise<void>((resolve) => socket.connect(port, address, resolve))
  open.push(() => socket.close())
  const send = (from: number, to: number): void => {
    for (let number = from; number < to; number++) socket.send(numbered(number))
  }
  return { address, port: socket.address().port, socket, send }
}

function numbered(number: number): Uint8Array {
  const payload = new Uint8Array(100)
  new DataView(payload.buffer).setUint32(0, number)
  return payload
}

async function listener(taken: Taken, host = '127.0.0.1'): Promise<{ listener: Listener; listening: ListeningSocket }> {
  const listening = await listenOn({ host, port: 0 }, BUFFER_BYTES)
  const { receiver } = taken
  const listener = new Listener({ listening, number: 0, receiver, receiveBufferBytes: BUFFER_BYTES })
  open.push(() => listener.close())
  return { listener, listening }
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)

const poll = { timeout: 20_000, interval: 5 }

/** Sends, no faster than is taken, until a socket of its own is read for this sender; returns the next number. */
async function untilRead(all: Listener, taken: Taken, from: Sender, first = 0): Promise<number> {
  const { address, port } = from
  for (let next = first; next < 100_000; next += 200) {
    if (all.connected.some((socket) => socket.isRead && isOf(socket, address, port))) return next
    from.send(next, next + 200)
    while (taken.numbers(port, address).length < next - 1000) await pause(1)
    await pause(2)
  }
  return expect.unreachable('no socket is read')
}

/** A socket that takes IPv6 as well sees an IPv4 address as one mapped into it. */
function isOf(socket: ConnectedSocket, address: string, port: number): boolean {
  return socket.isOf({ address, port }) || socket.isOf({ address: `::ffff:${address}`, port })
}

describe.runIf(process.platform === 'linux')('a socket connected to one exporter', () => {
  it('takes what came before it was connected as what it is, datagrams of others', async () => {
    const taken = new Taken()
    const { listening } = await listener(taken)
    const { bound } = listening
    const [one, other] = [await sender(bound.port), await sender(bound.port)]
    const socket = bindBeside(bound)!
    socket.setRecvBufferSize(BUFFER_BYTES)
    // The kernel gives the datagrams of all to the socket that was bound last.
    other.send(0, 3000)
    const connected = new ConnectedSocket({
      socket,
      bound,
      number: 0,
      first: new Intake(),
      receiver: taken.receiver,
      receiveBufferBytes: BUFFER_BYTES,
    })
    open.push(() => connected.close())
    expect(connected.connect({ address: '127.0.0.1', port: one.port })).toBe(true)
    one.send(0, 1000)
    for (let next = 1000; !connected.isRead; next += 10) {
      one.send(next, next + 10)
      await pause(1)
    }
    await expect.poll(() => taken.wrong(3000, other.port), poll).toBeUndefined()
    expect(taken.wrong(taken.numbers(one.port).length, one.port)).toBeUndefined()
  })

  it('hands on what waits at the first socket before what comes to its own, and others go on', async () => {
    const taken = new Taken()
    const { listener: all, listening } = await listener(taken)
    const [one, other] = [await sender(listening.bound.port), await sender(listening.bound.port)]
    one.send(0, 3000)
    let next = 3000
    // 128 of those 3,000 make a socket for it, when most still wait.
    while (all.connected.length === 0) await new Promise((resolve) => setImmediate(resolve))
    one.send(next, next + 500)
    other.send(0, 100)
    next = await untilRead(all, taken, one, next + 500)
    one.send(next, next + 300)
    await expect.poll(() => taken.wrong(next + 300, one.port), poll).toBeUndefined()
    expect(taken.wrong(100, other.port)).toBeUndefined()
    expect(all.connected).toHaveLength(1)
  })

  it('is read: datagrams of any length, in order, behind the one that woke the thread', async () => {
    const taken = new Taken()
    const { listener: all, listening } = await listener(taken)
    const one = await sender(listening.bound.port)
    const next = await untilRead(all, taken, one)
    await expect.poll(() => taken.numbers(one.port).length, poll).toBe(next)
    const lengths = [0, 1, 65_507, 0, 1472, ...range(0, 40), 65_507, 65_507, 9]
    for (const length of lengths) one.socket.send(new Uint8Array(length))
    await expect.poll(() => taken.numbers(one.port).length, poll).toBe(next + lengths.length)
    expect(taken.lengths.slice(next)).toEqual(lengths)
  })

  it('drops and counts what a sender sends that is no longer allowed', async () => {
    const taken = new Taken()
    const { listener: all, listening } = await listener(taken)
    const one = await sender(listening.bound.port)
    const next = await untilRead(all, taken, one)
    await expect.poll(() => taken.numbers(one.port).length, poll).toBe(next)
    taken.receiver.allow(allowList(['192.0.2.0/24']))
    one.send(0, 300)
    await expect.poll(() => taken.counters.counts.denied, poll).toBe(300)
    taken.receiver.allow(allowList([]))
    taken.receiver.full = true
    one.send(0, 200)
    await expect.poll(() => taken.counters.counts.dropped, poll).toBe(200)
    taken.receiver.full = false
    one.send(next, next + 100)
    await expect.poll(() => taken.wrong(next + 100, one.port), poll).toBeUndefined()
  })

  it('goes over to another exporter without losing what either sends', async () => {
    const taken = new Taken()
    const { listener: all, listening } = await listener(taken)
    const [one, other] = [await sender(listening.bound.port), await sender(listening.bound.port)]
    const next = await untilRead(all, taken, one)
    await expect.poll(() => taken.wrong(next, one.port), poll).toBeUndefined()
    other.send(0, 400)
    const [connected] = all.connected
    expect(connected?.connect({ address: '127.0.0.1', port: other.port })).toBe(true)
    one.send(next, next + 900)
    const last = await untilRead(all, taken, other, 400)
    expect(connected?.isOf({ address: '127.0.0.1', port: other.port })).toBe(true)
    await expect.poll(() => taken.wrong(next + 900, one.port), poll).toBeUndefined()
    await expect.poll(() => taken.wrong(last, other.port), poll).toBeUndefined()
  })

  it('hands over what waits when it is closed', async () => {
    const taken = new Taken()
    const { listener: all, listening } = await listener(taken)
    const one = await sender(listening.bound.port)
    const next = await untilRead(all, taken, one)
    await expect.poll(() => taken.numbers(one.port).length, poll).toBe(next)
    one.send(next, next + 1000)
    await all.close()
    expect(taken.wrong(next + 1000, one.port)).toBeUndefined()
  })

  for (const [host, target] of [
    ['0.0.0.0', '127.0.0.1'],
    ['::', '::1'],
    ['::', '127.0.0.1'],
  ] as const) {
    it(`is opened for ${target} where the daemon listens on ${host}, and counts what the kernel drops there`, async () => {
      const taken = new Taken()
      const { listener: all, listening } = await listener(taken, host)
      const one = await sender(listening.bound.port, target)
      const next = await untilRead(all, taken, one)
      await expect.poll(() => taken.wrong(next, one.port, target), poll).toBeUndefined()
      expect(kernelDrops(listening.bound)).toBe(0)
      // More than the receive buffer holds, in one turn of the event loop.
      one.send(next, next + 30_000)
      const dropped = (): number => kernelDrops(listening.bound) ?? 0
      await expect.poll(() => taken.numbers(one.port, target).length + dropped(), poll).toBe(next + 30_000)
      expect(dropped()).toBeGreaterThan(0)
    })
  }

  it('loses nothing of floods from ten ports, and takes none for another', async () => {
    const taken = new Taken()
    const { listener: all, listening } = await listener(taken)
    const flood = new Worker(FLOOD, { eval: true, workerData: { port: listening.bound.port } })
    const [sent] = (await once(flood, 'message')) as [Record<string, number>] // what FLOOD posts
    const total = Object.values(sent).reduce((sum, count) => sum + count, 0)
    const lost = (): number => kernelDrops(listening.bound) ?? 0
    await expect.poll(() => taken.counters.counts.received + lost(), poll).toBe(total)
    expect(all.connected.length).toBeGreaterThan(0)
    for (const port of Object.keys(sent)) {
      const numbers = taken.numbers(Number(port))
      // The first two bytes name the sender, the others count.
      expect(new Set(numbers.map((number) => number >>> 16))).toEqual(new Set([Number(port)]))
      const steps = numbers.slice(1).map((number, i) => number - numbers[i]!)
      expect(Math.min(...steps)).toBeGreaterThan(-33)
      if (lost() === 0) expect(numbers).toHaveLength(sent[port]!)
    }
    await flood.terminate()
  })
})

/** Ten sockets that take turns to send bursts of numbered datagrams; posts how many each has sent. */
const FLOOD = `
const { createSocket } = require('node:dgram')
const { parentPort, workerData } = require('node:worker_threads')
async function run() {
  const sockets = await Promise.all(Array.from({ length: 10 }, () => new Promise((resolve) => {
    const socket = createSocket('udp4')
    socket.connect(workerData.port, '127.0.0.1', () => resolve(socket))
  })))
  const sent = {}
  for (let round = 0; round < 40; round++) {
    for (const socket of sockets) {
      const { port } = socket.address()
      for (let i = 0; i < 200; i++) {
        const payload = Buffer.alloc(200)
        payload.writeUInt16BE(port, 0)
        payload.writeUInt16BE(sent[port] ?? 0, 2)
        socket.send(payload)
        sent[port] = (sent[port] ?? 0) + 1
      }
      // One after the other at first, then all at once.
      if (round < 2) await new Promise((resolve) => setTimeout(resolve, 30))
    }
    await new Promise((resolve) => setTimeout(resolve, 4))
  }
  parentPort.postMessage(sent)
}
run()
`
