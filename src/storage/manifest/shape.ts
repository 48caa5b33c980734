/** Shapes of JSON: what a value must be. They make nothing, as a manifest has many rows; what has a shape is taken as it is, fields that are not named included. */

/** Finds the first thing that is wrong with a value; undefined when there is none, and it is a `T`. */
export interface Shape<T> {
  (value: unknown): Flaw | undefined
  /** Tells shapes of different types apart; never there. */
  readonly of?: T
}

/** What is wrong: where in the value, from its root (`.actions[3].type`), what was expected there, and what there is. */
export interface Flaw {
  readonly path: string
  readonly expected: string
  readonly got: unknown
}

/** What `holds` is true of, called `expected`. */
export const shape =
  <T>(expected: string, holds: (value: unknown) => boolean): Shape<T> =>
  (value) =>
    holds(value) ? undefined : { path: '', expected, got: value }

export const text = shape<string>('text', (value) => typeof value === 'string')
export const flag = shape<boolean>('true or false', (value) => typeof value === 'boolean')
export const integer = shape<number>('a whole number', Number.isSafeInteger)
export const anything: Shape<unknown> = () => undefined

/** Whole numbers from `least` to `most`. */
export const between = (least: number, most: number): Shape<number> =>
  shape(`a whole number from ${least} to ${most}`, (value) => isBetween(value, least, most))

const isBetween = (value: unknown, least: number, most: number): boolean =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most

/** Whole numbers that are not negative. */
export const count = between(0, Number.MAX_SAFE_INTEGER)
export const positive = between(1, Number.MAX_SAFE_INTEGER)

export const oneOf = <const T>(...values: readonly T[]): Shape<T> =>
  shape(`one of ${values.join(', ')}`, (value) => values.some((one) => one === value))

export const orNull =
  <T>(of: Shape<T>): Shape<T | null> =>
  (value) =>
    value === null ? undefined : of(value)

/** A field that may be absent. */
export const optional =
  <T>(of: Shape<T>): Shape<T> =>
  (value) =>
    value === undefined ? undefined : of(value)

export const listOf =
  <T>(of: Shape<T>): Shape<readonly T[]> =>
  (value) => {
    if (!Array.isArray(value)) return { path: '', expected: 'a list', got: value }
    for (let i = 0; i < value.length; i++) {
      const flaw = of(value[i])
      if (flaw) return within(`[${i}]`, flaw)
    }
    return undefined
  }

/** An object by the shapes of its fields. */
export function object<T>(fields: { readonly [F in keyof T]-?: Shape<T[F]> }): Shape<T> {
  const shapes = Object.entries<Shape<unknown>>(fields)
  return (value) => {
    if (!isObject(value)) return notObject(value)
    for (const [name, of] of shapes) {
      const flaw = of(value[name])
      if (flaw) return within(`.${name}`, flaw)
    }
    return undefined
  }
}

/** An object whose fields, whatever they are called, all have one shape. */
export const mapOf =
  <T>(of: Shape<T>): Shape<{ readonly [name: string]: T }> =>
  (value) => {
    if (!isObject(value)) return notObject(value)
    for (const [name, field] of Object.entries(value)) {
      const flaw = of(field)
      if (flaw) return within(`.${name}`, flaw)
    }
    return undefined
  }

/** Objects that say by their field `type` which shape they have. */
export function variants<T extends { readonly type: string }>(
  shapes: {
    readonly [K in T['type']]: Shape<Omit<Extract<T, { readonly type: K }>, 'type'>>
  },
): Shape<T> {
  const known = new Map<unknown, Shape<unknown>>(Object.entries<Shape<unknown>>(shapes))
  return (value) => {
    if (!isObject(value)) return notObject(value)
    const of = known.get(value.type)
    return of ? of(value) : { path: '.type', expected: `one of ${[...known.keys()].join(', ')}`, got: value.type }
  }
}

const isObject = (value: unknown): value is { readonly [name: string]: unknown } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const notObject = (value: unknown): Flaw => ({ path: '', expected: 'object', got: value })

const within = (place: string, { path, expected, got }: Flaw): Flaw => ({ path: place + path, expected, got })
