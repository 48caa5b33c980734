// Error codes of the kernels; src/kernels/codes.ts names them.
export const TRUNCATED: i32 = -1
export const BAD_LENGTH: i32 = -2
export const BAD_OFFSET: i32 = -3
export const OUTPUT_TOO_SMALL: i32 = -4
export const OUT_OF_RANGE: i32 = -5
export const BAD_ENCODING: i32 = -6
