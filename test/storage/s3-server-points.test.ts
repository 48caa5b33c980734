import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

/**
 * What real S3 servers were measured to do, point by point, and the tests that hold the store to living with it. Each is named by how its name begins; one that is renamed or dropped fails here.
 */
const POINTS: { readonly [point: string]: readonly string[] } = {
  '1: MinIO locks a key while a GET body of it is not drained': [
    'lets a removal through behind a reader that stalls',
    'is not held up by readers of this store, whose bodies are drained',
    'gives up after its tries, says what stood in the way, and leaves no answer open',
    'wait longer than other calls, for MinIO holds them up behind a stalled reader',
  ],
  '2: conditional DELETE and CopyObject are carried out regardless; a lost reply is read back': [
    'never sends a conditional delete or copy, which MinIO carries out regardless',
    'wins when the object is byte for byte its own, after ',
    'loses when the other object differs in one byte of many',
  ],
  '3: 409 is a lost race, and equal content has an equal ETag': [
    'is a lost race when the other writer made it',
    'is tried again when the other writer did not',
    'recognises its own commit when the reply is lost',
  ],
  '4: errors of HEAD carry no code': ['are told apart by status'],
  '5: parts carry checksums, and Complete twice may be 404': [
    'go up in parts with a checksum each, and show only when whole',
    'win when the reply to the last request was lost and the upload is gone',
  ],
  '6: keys that some server refuses or folds': [
    'refuses every key outside the grammar, in every call',
    'takes every key inside the grammar',
    'keeps a key beside a part of it, or refuses it with code bad-key',
    'lists in byte order of whole keys, with sizes',
  ],
  '7: length and region are always given; a range may be passed over': [
    'go up with their length and checksum, signed for us-east-1',
    'of a range must be that range, and are cut out when the server sends everything',
  ],
  '8: no object shows in part; uploads that no commit names are collected': [
    'keeps every acknowledged object through kill -9, and shows none in part',
    'counts every committed flow once after ',
  ],
  '9: retries of the SDK would hide a lost reply': ['does not let the SDK repeat a conditional write behind our back'],
}

const TESTS = fileURLToPath(new URL('..', import.meta.url))
const sources = readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.endsWith('s3-server-points.test.ts'))
  .map((path) => readFileSync(`${TESTS}${path}`, 'utf8'))
  .join('\n')

describe('what the store has to handle of real servers', () => {
  it.each(Object.entries(POINTS))('%s: has its tests', (_, names) => {
    for (const name of names)
      expect(sources.includes(`it('${name}`) || sources.includes(`it(\`${name}`), name).toBe(true)
  })
})
