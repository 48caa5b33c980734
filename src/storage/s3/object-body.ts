import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { ByteRange } from '../store.ts'
import type { AnswerHead, BodySink } from './answer.ts'
import { CHECKSUM_MISMATCH, S3Failure } from './failure.ts'

/** The body of an object, or of a part of it, on its way in. */
export interface ObjectBody {
  readonly onAnswer: (head: AnswerHead) => BodySink
  /** Called when the answer has ended: what arrived. Throws an `S3Failure` when that is not what was asked for. */
  finish(): Uint8Array
}

/**
 * Takes a part of an object, straight into `target` when there is one, which is as long as the part that is asked for. A server may pass over a range it does not like
 * and send everything: then the part is picked out here.
 */
export function partBody({ offset, length: most }: ByteRange, target?: Uint8Array): ObjectBody {
  let into = target ?? new Uint8Array(0)
  let expected = 0
  let filled = 0
  return {
    onAnswer({ status, headers }) {
      const isPart = status === 206
      filled = 0
      expected = isPart ? partLength(headers, offset, most) : Math.max(0, Math.min(most, lengthOf(headers) - offset))
      into = target ?? new Uint8Array(expected)
      let before = isPart ? 0 : offset
      return (piece) => {
        const skipped = Math.min(before, piece.length)
        before -= skipped
        const rest = piece.subarray(skipped, skipped + expected - filled)
        if (isPart && rest.length < piece.length) throw new S3Failure(0, 'long body')
        into.set(rest, filled)
        filled += rest.length
      }
    },
    finish() {
      if (filled < expected) throw new S3Failure(0, 'cut body')
      return into.subarray(0, filled)
    },
  }
}

/** Length of the part that an answer says it holds. */
function partLength(headers: AnswerHead['headers'], offset: number, most: number): number {
  const match = /^bytes (\d+)-(\d+)\//.exec(headers.get('content-range') ?? '')
  const first = Number(match?.[1])
  const length = Number(match?.[2]) - first + 1
  if (first !== offset || !(length <= most)) throw new S3Failure(0, 'another range')
  return length
}

function lengthOf(headers: AnswerHead['headers']): number {
  const length = headers.get('content-length')
  if (length === undefined) throw new S3Failure(0, 'no length')
  return Number(length)
}

/** Takes a whole object and compares it with the checksum that came with it. */
export function wholeBody(): ObjectBody {
  let parts: Uint8Array[] = []
  let into: Uint8Array | undefined
  let filled = 0
  let checksums: AnswerHead['headers'] = new Map()
  return {
    onAnswer({ headers }) {
      checksums = headers
      filled = 0
      parts = []
      into = headers.has('content-length') ? new Uint8Array(lengthOf(headers)) : undefined
      return (piece) => {
        if (into) into.set(piece, filled)
        else parts.push(piece.slice())
        filled += piece.length
      }
    },
    finish() {
      const bytes = into ?? new Uint8Array(Buffer.concat(parts))
      if (filled < bytes.length) throw new S3Failure(0, 'cut body')
      if (!matches(bytes, checksums)) throw new S3Failure(0, CHECKSUM_MISMATCH)
      return bytes
    },
  }
}

/** Whether bytes have the first checksum that an answer names; one with a `-` is that of its parts' checksums, and says nothing about the whole. */
function matches(bytes: Uint8Array, headers: AnswerHead['headers']): boolean {
  for (const name of ['crc32', 'sha1', 'sha256'] as const) {
    const told = headers.get(`x-amz-checksum-${name}`)
    if (told === undefined || told.includes('-')) continue
    return told === (name === 'crc32' ? checksumOf(bytes) : createHash(name).update(bytes).digest('base64'))
  }
  return true
}

/** CRC-32 as S3 writes it: big-endian, base64. */
export function checksumOf(bytes: Uint8Array): string {
  const word = Buffer.alloc(4)
  word.writeUInt32BE(crc32(bytes))
  return word.toString('base64')
}
