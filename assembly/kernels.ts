export { snappyDecompress } from './snappy'
export {
  dictionary8,
  dictionary16,
  dictionary32,
  dictionary64,
  dictionary128,
  plain8,
  plain16,
  plain4,
  plain64,
  plain128,
  spread128,
  countBytes,
} from './parquet'
export { chunkCrc } from './crc'
export { pageHeaders } from './page-headers'
export { footerGroups } from './footer'
export { openPages } from './open-pages'
export { readPages, unpackPage } from './pages'
export { scanPages, scanRows } from './scan'
export { delta8, delta16, delta32, delta64 } from './delta'
export { encode8, encode16, encode32, encode64, encode128 } from './parquet-encode'
export { packBodies, putPages } from './put-pages'
export { gather8, gather16, gather32, gather64, gather128, gatherSparse, pick128, equalBits, copyBytes } from './gather'
export { timeOrder } from './order'
export { avroRows } from './avro'
export { foldRows, foldUnpack, sumDoubles } from './fold'
export { tableIndex } from './table'
export { foldDirect, foldPacked, settleDirect, directEntries } from './direct'
export { markRange, joinMarks, markedRows } from './marks'
export { packWords, packDoubles, packLongs, packAddresses, maskWords, timeBins } from './keys'
export { spreadRows } from './spread'
export {
  groupsAdd,
  groupsAppend,
  groupsSplit,
  groupsIntegers,
} from './groups'
export { groupsAtLeast } from './groups-select'
export { groupsBefore, groupsSort } from './groups-sort'
export { groupsWrite } from './groups-write'
export { avroEncode } from './avro-encode'
export { slicesAdd } from './slices'
export { snappyCompress, snappyCompressRows } from './snappy-compress'
export { rowsMerge } from './rows'
export { v5Rows } from './v5'
export { v5Datagrams } from './v5-datagrams'
