/** What is closed after each test. */
const closers: (() => unknown)[] = []

export function onClose(close: () => unknown): void {
  closers.push(close)
}

export async function closeAll(): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close()
}
