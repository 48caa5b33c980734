/** Bytes that break decoders: lengths, widths and run headers at their limits. */
const EDGES = [0, 1, 2, 3, 7, 8, 15, 16, 24, 25, 31, 32, 33, 56, 57, 63, 64, 127, 128, 129, 252, 253, 254, 255]

/** A copy with one to six faults: flipped bits, edge values (mostly near the start, where lengths stand), runs of one byte, pieces moved. `mayCut` also cuts and grows it. */
export function mutate(bytes: Uint8Array, random: () => number, { mayCut = false } = {}): Uint8Array {
  const pick = (count: number): number => Math.floor(random() * count)
  let copy = new Uint8Array(bytes)
  for (let faults = 1 + pick(6); faults > 0 && copy.length > 0; faults--) {
    const at = random() < 0.4 ? pick(Math.min(copy.length, 32)) : pick(copy.length)
    switch (pick(mayCut ? 6 : 4)) {
      case 0:
        copy[at]! ^= 1 << pick(8)
        break
      case 1:
        copy[at] = EDGES[pick(EDGES.length)]!
        break
      case 2:
        copy.fill(EDGES[pick(EDGES.length)]!, at, at + 1 + pick(20))
        break
      case 3:
        copy.copyWithin(at, pick(copy.length), pick(copy.length))
        break
      case 4:
        copy = copy.slice(0, at)
        break
      default: {
        const grown = new Uint8Array(copy.length + 1 + pick(40))
        grown.set(copy)
        copy = grown
      }
    }
  }
  return copy
}
