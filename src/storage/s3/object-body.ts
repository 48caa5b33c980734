import type { IncomingHttpHeaders } from 'node:http'
import { crc32 } from '../crc32.ts'
import type { ByteRange } from '../store.ts'
import { answerFailure, CHECKSUM_MISMATCH, S3Failure } from './failure.ts'
import type { Receiver } from './request.ts'
import type { Silence } from './silence.ts'

/** Most bytes of an answer that is no object. */
const MAX_ERROR_BYTES = 64 << 10

/** Takes in the answer to a GET of an object, or of a part of it, where it belongs. */
export class ObjectBody implements Receiver<Uint8Array> {
  headers: IncomingHttpHeaders = {}
  private readonly range: ByteRange | undefined
  private readonly target: Uint8Array | undefined
  private readonly silence: Silence
  private status = 0
  /** Where the bytes go when their number is known; else they are pieces. */
  private place: Uint8Array | undefined
  private readonly pieces: Uint8Array[] = []
  private filled = 0

  /** Bytes of a part go to `target`, when there is one. */
  constructor(range: ByteRange | undefined, target: Uint8Array | undefined, silence: Silence) {
    this.range = range
    this.target = target
    this.silence = silence
  }

  head(status: number, headers: IncomingHttpHeaders): void {
    this.silence.heard()
    this.status = status
    this.headers = headers
    if (status === 206) this.place = this.placeOfPart()
    else if (status === 200 && !this.range && headers['content-length'] !== undefined)
      this.place = own(Number(headers['content-length']))
  }

  bytes(piece: Uint8Array): void {
    this.silence.heard()
    const { place, filled } = this
    this.filled += piece.length
    if (!place) {
      if (this.status >= 300 && this.filled > MAX_ERROR_BYTES) throw new S3Failure(this.status, 'long answer')
      this.pieces.push(new Uint8Array(piece))
    } else if (this.filled > place.length) throw new S3Failure(0, 'long body')
    else place.set(piece, filled)
  }

  /** The bytes, once all of them are there. Throws an `S3Failure` when the answer is none, cut, or does not match its checksum. */
  take(): Uint8Array {
    const bytes = this.place ?? new Uint8Array(Buffer.concat(this.pieces))
    if (this.status !== 200 && this.status !== 206) throw answerFailure(this.status, this.headers, bytes)
    if (this.filled < bytes.length) throw new S3Failure(0, 'cut body')
    if (this.status === 206) return bytes
    this.verify(bytes)
    return this.range ? this.cutOut(bytes, this.range) : bytes
  }

  private placeOfPart(): Uint8Array {
    const { offset = 0, length = 0 } = this.range ?? {}
    const match = /^bytes (\d+)-(\d+)\//.exec(this.headers['content-range'] ?? '')
    const count = Number(match?.[2]) - offset + 1
    if (Number(match?.[1]) !== offset || !(count >= 1 && count <= length)) throw new S3Failure(0, 'another range')
    return this.target?.subarray(0, count) ?? own(count)
  }

  /** A server may pass over a range it does not like and send everything. */
  private cutOut(bytes: Uint8Array, { offset, length }: ByteRange): Uint8Array {
    const part = bytes.subarray(offset, offset + length)
    this.target?.set(part)
    return this.target?.subarray(0, part.length) ?? part.slice()
  }

  /** Compares a whole object with the checksum that it was stored with. One that ends in a number is of the checksums of parts. */
  private verify(bytes: Uint8Array): void {
    const expected = this.headers['x-amz-checksum-crc32']
    if (typeof expected !== 'string' || expected.includes('-')) return
    if (Buffer.from(expected, 'base64').readUInt32BE() !== crc32(bytes)) throw new S3Failure(0, CHECKSUM_MISMATCH)
  }
}

/** Memory that can be handed to another thread as a whole; small pieces of Node's pool cannot. */
const own = (length: number): Uint8Array => new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
