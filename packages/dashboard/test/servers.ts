import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

const closers: (() => unknown)[] = []

/** Called after the test, last first. */
export function onClose(close: () => unknown): void {
  closers.push(close)
}

export async function closeAll(): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close()
}

/** Listens on loopback, until the test is over: the origin. */
export async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onClose(() => server.close().closeAllConnections())
  return originOf(server)
}

export function originOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export function serve(listener: RequestListener): Promise<string> {
  return listen(createServer(listener))
}
