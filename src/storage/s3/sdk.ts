/** The part of the SDK that stores use, so that the programs of dist/ hold no more of it. */
export { HeadObjectCommand, S3Client } from '@aws-sdk/client-s3'
