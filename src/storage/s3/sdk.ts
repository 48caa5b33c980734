/** The part of the SDK and of undici that stores use, so that the programs of dist/ hold no more of it. */
export {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
export { S3RequestPresigner } from '@aws-sdk/s3-request-presigner'
export { loadConfig, NODE_REGION_CONFIG_FILE_OPTIONS, NODE_REGION_CONFIG_OPTIONS } from '@smithy/core/config'
export { getEndpointFromInstructions } from '@smithy/core/endpoints'
export { buildQueryString } from '@smithy/core/protocols'
export { default as buildConnector } from 'undici/lib/core/connect.js'
export { default as Pool } from 'undici/lib/dispatcher/pool.js'

export type S3Sdk = typeof import('./sdk.ts')
