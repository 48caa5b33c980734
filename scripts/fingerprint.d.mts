export function inputsOf(root: string): string
export function noteBuilt(root: string, inputs: string): void
export function isBuilt(root: string, inputs: string): boolean
