import { createHash } from 'node:crypto'

/**
 * The name of the file of `service`. What of the name every file system takes is kept for people, the hash makes it unique,
 * also where capitals do not count. No name can lead out of the folder.
 */
export function fileNameOf(service: string): string {
  const readable = service
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .slice(0, 64)
  // Text that is not well-formed would become the same bytes as another.
  const hash = createHash('sha256').update(Buffer.from(service, 'utf16le')).digest('hex').slice(0, 32)
  return `${readable}-${hash}.json`
}

/** The name of a file while it is written. `unique` differs between writers. */
export function unfinishedName(fileName: string, unique: string): string {
  return `.${fileName}.${unique}.tmp`
}

/** Only names that we gave. */
export function isUnfinishedName(name: string): boolean {
  return /^\.[a-z0-9_-]{0,64}-[0-9a-f]{32}\.json\.[0-9a-f-]{36}\.tmp$/.test(name)
}
