import { readFile } from 'node:fs/promises'
import { DiscoveryError, InvalidOptionError } from '@lb/core'
import { messageOf } from '@lb/core/authoring'

/** A text, or a function that gives the token for each request: tokens expire. */
export type Token = string | (() => string | Promise<string>)

/** Gives the token for a request; `undefined`: none, the agent's own applies. */
export type TokenSource = () => Promise<string | undefined>

/** What can stand in a header. */
const form = /^[\x21-\x7e]{1,4096}$/

/** @throws InvalidOptionError, which never shows the token */
export function checkToken(path: string, token: unknown): void {
  if (token === undefined || typeof token === 'function') return
  if (typeof token === 'string' && form.test(token)) return
  const given = typeof token === 'string' ? 'a text with other characters, or an empty or very long one' : typeof token
  throw new InvalidOptionError(path, `${path} must be a text of visible ASCII characters, or a function, got ${given}`)
}

/** `owner` is for messages. A file is read for each request, since tokens are rotated by writing it anew. */
export function tokenSource(owner: string, token: Token | undefined, file: string | undefined): TokenSource {
  if (token !== undefined) {
    return async () => checked(owner, typeof token === 'function' ? await given(owner, token) : token)
  }
  if (file === undefined) return async () => undefined
  return async () => {
    let text: string
    try {
      text = await readFile(file, 'utf8')
    } catch (cause) {
      throw new DiscoveryError(
        `${owner}: the file of the token cannot be read: ${messageOf(cause)}. Look at the option tokenFile`,
        { cause },
      )
    }
    return checked(owner, text.trim())
  }
}

async function given(owner: string, token: () => string | Promise<string>): Promise<string> {
  try {
    return await token()
  } catch (cause) {
    throw new DiscoveryError(`${owner}: the function token failed: ${messageOf(cause)}`, { cause })
  }
}

function checked(owner: string, token: unknown): string {
  if (typeof token === 'string' && form.test(token)) return token
  throw new DiscoveryError(
    `${owner}: the token cannot be sent: it is empty, or has characters that no header can have. Give visible ASCII characters`,
  )
}
