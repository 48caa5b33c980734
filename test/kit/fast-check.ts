import fc from 'fast-check'

/**
 * fast-check with one seed for every property, so that a test run repeats: FLOWREDUCE_SEED, 1 without it. `npm run soak:properties`, a part of the soak,
 * takes another seed each time; a failure prints the one that repeats it.
 */
fc.configureGlobal({ seed: Number(process.env.FLOWREDUCE_SEED ?? 1) })

export { fc }
