/** Keys of metadata whose values nothing is to show. */
const secretKey = /token|secret|passw|key|credential|auth|cookie/i

/** A user, and a password, in a URL. */
const userOfUrl = /\/\/[^\s/?#]*@/g

/** Takes the place of what is not shown. */
const mask = '••••••'

/**
 * A copy of the metadata of an instance as they may be shown: `••••••` in place of values whose key sounds like a secret (`token`, `password`,
 * `apiKey` …), and of the user in URLs. Registries keep what a deployment puts there.
 */
export function maskedMetadata(metadata: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata).map(([key, value]) => [
      key,
      secretKey.test(key) ? mask : value.replace(userOfUrl, `//${mask}@`),
    ]),
  )
}
