import { DnsFailure } from './errors.ts'
import type { LookupOptions } from './options.ts'

/** The name under which the records of `service` are. @throws DnsFailure when there is none */
export function domainNameOf(name: NonNullable<LookupOptions['name']>, service: string): string {
  // Otherwise what is left of the name could be one that exists.
  if (service === '') throw new DnsFailure('NAME', 'a service without a name cannot be asked for')
  if (typeof name === 'string') return name.replaceAll('{service}', () => service)
  const given: unknown = name(service)
  if (typeof given !== 'string') throw new DnsFailure('NAME', `the option name gave ${typeof given}, not a text`)
  return given
}
