import type { IncomingHttpHeaders } from 'node:http'
import { answerFailure, S3Failure } from './failure.ts'
import type { Receiver } from './request.ts'
import type { Silence } from './silence.ts'

/** Most bytes of an answer that is no object; a page of a listing has some 400 KB. */
const MAX_BYTES = 16 << 20

/** Takes in an answer that is no object: its headers, and a document of XML or nothing. */
export class Answer implements Receiver<Answer> {
  headers: IncomingHttpHeaders = {}
  private readonly silence: Silence
  private status = 0
  private readonly pieces: Uint8Array[] = []
  private filled = 0

  constructor(silence: Silence) {
    this.silence = silence
  }

  head(status: number, headers: IncomingHttpHeaders): void {
    this.silence.heard()
    this.status = status
    this.headers = headers
  }

  bytes(piece: Uint8Array): void {
    this.silence.heard()
    this.filled += piece.length
    if (this.filled > MAX_BYTES) throw new S3Failure(this.status, 'long answer')
    this.pieces.push(new Uint8Array(piece))
  }

  take(): this {
    if (this.status >= 300) throw answerFailure(this.status, this.headers, this.body)
    return this
  }

  get body(): Uint8Array {
    return Buffer.concat(this.pieces)
  }
}
