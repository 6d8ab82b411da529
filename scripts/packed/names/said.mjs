// What the programs beside this one print is compared: they are run as they are and in bundles, which have to print the same.
import assert from 'node:assert/strict'
import process from 'node:process'
import { inspect } from 'node:util'
import { LoadBalancer, LoadBalancerError } from '@lb/core'
import { ProxyError } from '@lb/express'

// Else a bundle shows nothing.
if (process.argv.includes('--minified')) assert.notEqual(LoadBalancer.name, 'LoadBalancer')

/** What an error says, with its causes, to whatever asks: a person, a logger, a console. */
export function said(error) {
  if (!(error instanceof Error)) return String(error)
  const { name, code, message, cause } = error
  const causes = cause === undefined ? undefined : said(cause)
  // How a client's own errors are shown is the client's affair.
  if (!(error instanceof LoadBalancerError || error instanceof ProxyError)) return { name, code, message, causes }
  // A console puts the name of the class before another name: `e [DiscoveryError]: …`.
  const [shown] = inspect(error)
    .replace(/^[\w$]+ \[(\w+)\]/, '$1')
    .split('\n')
  return { name, code, message, text: String(error), shown, json: error.toJSON(), causes }
}

export const failure = async (run) => {
  try {
    await run()
  } catch (error) {
    return said(error)
  }
  return assert.fail(`nothing was thrown by ${run}`)
}

/** As JSON; times are those of a run. */
export function print(output) {
  const text = JSON.stringify(output, undefined, 1)
  process.stdout.write(`${text.replace(/\b\d+(\.\d+)?(?= m?s\b)/g, 'N').replace(/("\w+Ms": )[\d.]+/g, '$1"N"')}\n`)
}
