// The part of the WebAssembly JavaScript interface that the loader uses; Node's types leave it to the DOM library.
declare namespace WebAssembly {
  class Memory {
    constructor(descriptor: { initial: number; maximum: number; shared?: boolean })
    readonly buffer: ArrayBuffer
  }
  function compile(bytes: Uint8Array): Promise<Module>
  class Module {
    constructor(bytes: Uint8Array)
  }
  class Instance {
    constructor(module: Module, imports: { [module: string]: { [name: string]: Memory } })
    readonly exports: { readonly [name: string]: unknown }
  }
}
