/** What requests are made of, by others: signatures and XML of the SDK, connections of undici. Of either no more than that. */
export { parseXML, XmlNode } from '@aws-sdk/xml-builder'
export { loadConfig, NODE_REGION_CONFIG_FILE_OPTIONS, NODE_REGION_CONFIG_OPTIONS } from '@smithy/core/config'
export { buildQueryString } from '@smithy/core/protocols'
export { Hash } from '@smithy/core/serde'
export { SignatureV4 } from '@smithy/signature-v4'
export { default as buildConnector } from 'undici/lib/core/connect.js'
export { default as Pool } from 'undici/lib/dispatcher/pool.js'
export { undiciParser } from './undici-parser.ts'

export type S3Parts = typeof import('./parts.ts')
