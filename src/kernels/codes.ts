/** What a kernel reports instead of a count: the input was not what its format allows. Same numbers as assembly/codes.ts. */
export const KERNEL_CODES = {
  truncated: -1,
  badLength: -2,
  badOffset: -3,
  outputTooSmall: -4,
  outOfRange: -5,
  badEncoding: -6,
} as const

const NAMES = new Map<number, string>([
  [KERNEL_CODES.truncated, 'input ends too early'],
  [KERNEL_CODES.badLength, 'length does not fit'],
  [KERNEL_CODES.badOffset, 'copy from before the start of the output'],
  [KERNEL_CODES.outputTooSmall, 'output larger than announced'],
  [KERNEL_CODES.outOfRange, 'value out of the range of its column'],
  [KERNEL_CODES.badEncoding, 'not a valid encoding'],
])

/** The words for a kernel's error code. */
export const kernelFault = (code: number): string => NAMES.get(code) ?? `unknown fault ${code}`
