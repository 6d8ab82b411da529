import type { ServiceInstance } from '@lb/core'

/** Keys of metadata whose values nobody is to read. */
const secret = /token|secret|passw|key|credential|auth|cookie/i

/** Takes the place of what is not shown. */
const masked = '••••••'

/** A user, and a password, in a URL. */
const userOfUrl = /\/\/[^\s/?#]*@/g

/** How many metadata are shown of an instance, and how long they may be: registries say what they like. */
const [maxEntries, maxLength] = [50, 500]

/** `instance` with its metadata as they may be shown. */
export function shownInstance(instance: ServiceInstance): ServiceInstance {
  const entries = Object.entries(instance.metadata).slice(0, maxEntries)
  if (entries.length === 0) return instance
  const shown = entries.map(
    ([key, value]) => [key.slice(0, maxLength), secret.test(key) ? masked : shownValue(String(value))] as const,
  )
  return { ...instance, metadata: Object.fromEntries(shown) }
}

function shownValue(value: string): string {
  return value.replace(userOfUrl, `//${masked}@`).slice(0, maxLength)
}
