import type { Answer } from './answer.ts'
import { answerFailure, S3Failure } from './failure.ts'
import type { S3Parts } from './parts.ts'

/** The text of an element without children, its children by name, or all elements of one name. */
export type XmlValue = string | XmlElement | readonly XmlValue[] | undefined
export interface XmlElement {
  readonly [name: string]: XmlValue
}

/** The root of the document that an answer holds. Fails with an `S3Failure` without a status when there is none of that name: an answer of 200 may be an error, or cut. */
export function readDocument({ parseXML }: S3Parts, answer: Answer, root: string): XmlElement {
  const text = Buffer.from(answer.body).toString()
  let document: XmlElement = {}
  try {
    document = parseXML(text)
  } catch {
    // no document, as is said below
  }
  const element = document[root]
  if (element === undefined) throw answerFailure(0, answer.headers, answer.body)
  return isElement(element) ? element : {}
}

/** All elements of a name; the parser makes no list of a single one. */
export function elementsOf(value: XmlValue): readonly XmlElement[] {
  const values = Array.isArray(value) ? value : [value]
  return values.filter(isElement)
}

/** The text of an element that must be there. */
export function textOf(element: XmlElement, name: string): string {
  const text = element[name]
  if (typeof text !== 'string') throw new S3Failure(0, `no ${name}`)
  return text
}

function isElement(value: XmlValue): value is XmlElement {
  return typeof value === 'object' && !Array.isArray(value)
}
