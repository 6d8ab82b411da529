/** The part of `node:https` that is used here. */
interface NodeHttps {
  readonly Agent: new (options: object) => object
  request(url: string, options: object, onResponse: (message: Message) => void): Request
}

interface Request {
  on(event: 'error', listener: (error: unknown) => void): Request
  end(): void
  destroy(): void
}

interface Message extends AsyncIterable<Uint8Array> {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, unknown>>
  destroy(): void
}

/** `node:https` without an import, which other platforms could not load. `undefined` where there is none. */
export function nodeHttps(): NodeHttps | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (id: string) => unknown } }
  return process?.getBuiltinModule?.('node:https') as NodeHttps | undefined
}
