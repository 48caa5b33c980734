/**
 * A sampled packet as an sFlow flow sample tells it: one object, cleared and filled for each sample. Numbers are -1 when absent,
 * addresses have length 0; addresses are places in the datagram, not copies.
 */
export class SampledPacket {
  bytes: Uint8Array = new Uint8Array(0)
  sampleSequence = 0
  sourceIdType = 0
  sourceId = 0
  samplingRate = 0
  samplePool = 0
  drops = 0
  /** ifIndex; 0 when unknown, then `inputFormat` and `inputValue` give what was sent, if anything. */
  inputIf = 0
  outputIf = 0
  inputFormat = -1
  inputValue = -1
  outputFormat = -1
  outputValue = -1
  headerProtocol = -1
  frameLength = -1
  vlan = -1
  dstVlan = -1
  innerVlan = -1
  readonly srcAddr = new Place()
  readonly dstAddr = new Place()
  proto = -1
  tos = -1
  srcPort = -1
  dstPort = -1
  tcpFlags = -1
  icmpType = -1
  icmpCode = -1
  /** IP total length, or the frame length of what is not IP. */
  octets = 0
  readonly nextHop = new Place()
  srcMask = -1
  dstMask = -1
  readonly bgpNextHop = new Place()
  routerAs = -1
  srcAs = -1
  srcPeerAs = -1
  dstAs = -1
  readonly srcMac = new Place()
  readonly dstMac = new Place()
  etherType = -1
  /** Label stack entries, 4 octets each, the top first. */
  readonly labels = new Place()

  clear(bytes: Uint8Array): void {
    this.bytes = bytes
    this.inputFormat = this.inputValue = this.outputFormat = this.outputValue = -1
    this.headerProtocol = this.frameLength = this.vlan = this.dstVlan = this.innerVlan = -1
    this.proto = this.tos = this.srcPort = this.dstPort = this.tcpFlags = this.icmpType = this.icmpCode = -1
    this.srcMask = this.dstMask = this.routerAs = this.srcAs = this.srcPeerAs = this.dstAs = this.etherType = -1
    this.octets = 0
    for (const place of [this.srcAddr, this.dstAddr, this.nextHop, this.bgpNextHop]) place.length = 0
    for (const place of [this.srcMac, this.dstMac, this.labels]) place.length = 0
  }
}

/** Octets of the datagram: an address, a MAC address, a label stack. */
export class Place {
  at = 0
  length = 0

  set(at: number, length: number): void {
    this.at = at
    this.length = length
  }
}
