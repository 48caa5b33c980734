import { expect, it } from 'vitest'
import { nfdumpRows } from '../../bench/lib/rows.ts'

it("reads nfdump's CSV of a statistic, which has a title, and of aggregated flows, which has none", () => {
  const ports =
    'ts,te,td,pr,val,fl,flP,pkt,pktP,byt,bytP,pps,bps,bpp\n' +
    '2025-12-31 23:59:12,2026-01-01 09:09:11,32999.014,any,873,292224,1.5,271821735,19.1,360680805414,33.4,8237,87440383,1326\n\n'
  expect(nfdumpRows(ports, [4, 9, 7, 5])).toEqual([[873, 360680805414, 271821735, 292224]])
  const pair =
    '2026-01-01 03:10:52,2026-01-01 04:30:47,4794.938,10.1.43.133,175.215.174.155,0,0,0,........,0,0,1937777,2602614950,0\n'
  expect(nfdumpRows(pair, [3, 4, 12])).toEqual([[0x0a012b85, 0xafd7ae9b, 2602614950]])
})
