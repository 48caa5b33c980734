/** Definition levels of one bit behind their length (data page V1): 1 where a row has a value. */

/** Levels that are all the same. */
export const levelRun = (rows: number, level: 0 | 1): Uint8Array => framed(varint(rows * 2), Uint8Array.of(level))

/** Levels as bits, lowest first. */
export const packedLevels = (bits: Uint8Array): Uint8Array => framed(varint(bits.length * 2 + 1), bits)

function framed(header: readonly number[], body: Uint8Array): Uint8Array {
  return Buffer.concat([
    new Uint8Array(Uint32Array.of(header.length + body.length).buffer),
    Uint8Array.from(header),
    body,
  ])
}

function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 128; rest >>>= 7) bytes.push((rest & 127) | 128)
  return [...bytes, rest]
}
