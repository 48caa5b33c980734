/** Why a datagram is refused as a whole. Stable: metrics, logs and import summaries use these words. */
export type MalformedReason =
  | 'header-cut' // shorter than the header of its version
  | 'unknown-version'
  | 'count-beyond-end' // v5 announces more records than there are bytes for
  | 'length-below-header' // IPFIX message length below 16
  | 'length-beyond-end' // IPFIX message length beyond the datagram
  | 'set-too-short' // a set length below 4
  | 'set-beyond-end'
  | 'template-cut'
  | 'template-id-below-256'
  | 'value-cut' // a variable-length value runs over the end of its set
  | 'trailing-bytes' // one to three bytes that are not zero after the last set
  | 'agent-address-type' // sFlow: neither IPv4 nor IPv6
  | 'sample-cut' // sFlow: a sample shorter than its fields, or running over the end
  | 'record-cut' // sFlow: a record shorter than its fields, or running over the end of its sample
  | 'next-hop-type' // sFlow: a next hop address that is neither unknown, IPv4 nor IPv6
  | 'samples-missing' // sFlow: fewer samples than announced
