import { describe, expect, it } from 'vitest'
import { formatQuery, Signer } from '../../../src/storage/s3/signature.ts'

/** The credentials, the time and the requests of the examples in "Authenticating Requests: Using the Authorization Header", Amazon S3 API reference. */
const CREDENTIALS = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
}
const NOW = new Date('2013-05-24T00:00:00Z')
const host = 'examplebucket.s3.amazonaws.com'

const EXAMPLES = [
  {
    name: 'GET Object, with a range',
    request: { path: '/test.txt', query: {}, headers: { host, range: 'bytes=0-9' } },
    signature: 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  },
  {
    name: 'GET Bucket Lifecycle, with a parameter that has no value',
    request: { path: '/', query: { lifecycle: '' }, headers: { host } },
    signature: 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
  },
  {
    name: 'GET Bucket (List Objects), with parameters out of order',
    request: { path: '/', query: { prefix: 'J', 'max-keys': '2' }, headers: { host } },
    signature: '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  },
]

describe('a signature', () => {
  for (const { name, request, signature } of EXAMPLES)
    it(`is that of the example ${name}`, () => {
      const signer = new Signer('us-east-1')
      for (let time = 0; time < 2; time++) {
        const { authorization } = signer.sign({ method: 'GET', body: undefined, ...request }, CREDENTIALS, NOW)
        expect(authorization).toContain('Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request')
        expect(authorization?.endsWith(`Signature=${signature}`)).toBe(true)
      }
    })

  it('changes with the day and with the secret, whose key is kept', () => {
    const signer = new Signer('us-east-1')
    const request = { method: 'GET', path: '/a', query: {}, headers: { host }, body: undefined }
    const at = (time: string, secretAccessKey = 's'): string | undefined =>
      signer.sign(request, { accessKeyId: 'k', secretAccessKey }, new Date(time)).authorization
    const all = [at('2026-01-01'), at('2026-01-02'), at('2026-01-02', 't'), at('2026-01-01')]
    expect(new Set(all).size).toBe(3)
    expect(all[3]).toBe(all[0])
  })
})

describe('a query', () => {
  it('is encoded as RFC 3986 has it and in order', () => {
    expect(formatQuery({ b: "a/b c+d='*'", a: '~', 'a-': '' })).toBe('a-=&a=~&b=a%2Fb%20c%2Bd%3D%27%2A%27')
  })
})
