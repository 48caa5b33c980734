/** Unsigned LEB128; the value is left in `varintValue`, the result is the next position or 0 when it runs past `end`. */
export let varintValue: u64 = 0
export function readVarint(p: usize, end: usize): usize {
  let value: u64 = 0
  for (let shift: u64 = 0; shift < 70; shift += 7) {
    if (p >= end) return 0
    const byte: u64 = load<u8>(p++)
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) {
      varintValue = value
      return p
    }
  }
  return 0
}

