import type { Conversations } from './conversations.ts'
import { Random } from './random.ts'
import { Zipf } from './zipf.ts'

const PREFIXES = 1 << 15
/** First octets that hold private, reserved or special networks. */
const RESERVED = new Set([0, 10, 100, 127, 169, 172, 192, 198, 203])
const DOCUMENTATION_IPV6 = 0x20010db8

/**
 * Who talks to whom: clients live in 10.<site>.0.0/16 (2001:db8:<site>::/48), servers in 32,768 prefixes of the public space
 * (2001:db8:8000::/33). Subnets, hosts and prefixes are each drawn by a Zipf law, so prefixes of every length are heavy-tailed.
 */
export class Hosts {
  readonly #networks: Uint32Array
  readonly #prefixRank = new Zipf(PREFIXES)
  readonly #byteRank = new Zipf(256)

  constructor(seed: number) {
    const random = new Random(seed, 2)
    this.#networks = Uint32Array.from({ length: PREFIXES }, () => {
      let network = random.bits()
      while (network >>> 24 >= 224 || RESERVED.has(network >>> 24)) network = random.bits()
      return network & 0xffffff00
    })
  }

  /** Gives conversation `row` of `site` its two addresses; `ipv6` of the row is set before. */
  place(conversations: Conversations, row: number, site: number, random: Random): void {
    const prefix = this.#prefixRank.next(random)
    const server = scatter(this.#byteRank.next(random))
    const subnet = scatter(this.#byteRank.next(random))
    const host = scatter(this.#byteRank.next(random) ^ subnet)
    const word = row * 4
    conversations.prefix[row] = prefix
    if (conversations.ipv6[row] === 0) {
      conversations.client[word + 3] = 0x0a000000 | ((site & 255) << 16) | (subnet << 8) | host
      conversations.server[word + 3] = (this.#networks[prefix] ?? 0) | server
      return
    }
    conversations.client[word] = DOCUMENTATION_IPV6
    conversations.client[word + 1] = ((site & 0x7fff) << 16) | subnet
    conversations.client[word + 2] = 0x021122ff
    conversations.client[word + 3] = 0xfe000000 | (subnet << 8) | host
    conversations.server[word] = DOCUMENTATION_IPV6
    conversations.server[word + 1] = ((0x8000 | prefix) << 16) | (prefix & 15)
    conversations.server[word + 2] = 0
    conversations.server[word + 3] = server
  }
}

/** A permutation of 0 .. 255, so that busy hosts are not neighbours. */
function scatter(rank: number): number {
  return (rank * 167 + 31) & 255
}
