/** What the SDK is asked where variables do not say it: who asks, and where a bucket is. */
export { GetObjectCommand, S3Client } from '@aws-sdk/client-s3'
export { getEndpointFromInstructions } from '@smithy/core/endpoints'
