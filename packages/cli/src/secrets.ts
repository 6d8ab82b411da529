import type { TextOutput } from './command-context.ts'

const mask = '***'
/** Shorter ones would mask parts of ordinary words; where they can be at all, they are in URLs, which are masked by their form. */
const leastLength = 4
const userInfo = /:\/\/[^\s/?#@"']*@/g

/** What must not be printed: passwords and tokens that the command knows, and user and password in any URL. */
export class Secrets {
  readonly #known = new Set<string>()

  /** Masks `secret` from now on, also as it is written in a URL or in JSON. */
  add(secret: string | undefined): void {
    if (secret === undefined || secret.length < leastLength) return
    for (const form of [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]) this.#known.add(form)
  }

  /** Masks the password in the userinfo of `url`, in every form. */
  addUrl(url: string): void {
    const [, password] = /^[a-z][a-z\d+.-]*:\/\/[^/?#@:]*:([^/?#@]*)@/i.exec(url) ?? []
    if (password === undefined) return
    this.add(password)
    try {
      this.add(decodeURIComponent(password))
    } catch {
      // As it is written, it is masked already.
    }
  }

  /** `text` without the secrets. */
  mask(text: string): string {
    let masked = text.replace(userInfo, `://${mask}@`)
    // Longer ones first: one may be part of another.
    for (const secret of [...this.#known].sort((left, right) => right.length - left.length))
      masked = masked.replaceAll(secret, mask)
    return masked
  }

  /** `output` that masks what is written to it. */
  guard(output: TextOutput): TextOutput {
    return {
      write: (text) => output.write(this.mask(text)),
      isTerminal: output.isTerminal,
      get columns() {
        return output.columns
      },
      get rows() {
        return output.rows
      },
    }
  }
}
