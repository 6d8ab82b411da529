import type { Invocation } from './command-definition.ts'
import { CommandError, usageError } from './command-error.ts'
import { exitCodes } from './exit-code.ts'

/** A user of a registry. */
export interface Credentials {
  readonly username?: string | undefined
  readonly password?: string | undefined
}

/** The token in the variable that `--token-env` names; without the flag, the discovery looks where it always does. */
export function tokenOf({ options, context: { env }, secrets }: Invocation): string | undefined {
  const variable = options.text('token-env')
  if (variable === undefined) return undefined
  const token = variableOf(env, 'token-env', variable)
  secrets.add(token)
  return token
}

/** The user of `--username`, with the password in a variable; else the user in the URLs. */
export function credentialsOf(
  { options, context: { env }, secrets }: Invocation,
  userInfo: Credentials | undefined,
): Credentials {
  const username = options.text('username')
  if (username === undefined) {
    secrets.add(userInfo?.password)
    return userInfo ?? {}
  }
  if (userInfo !== undefined) {
    throw new CommandError(
      '--username and a user in the URL exclude each other. Leave one of them out',
      exitCodes.usage,
    )
  }
  const password = variableOf(env, 'password-env', options.text('password-env') ?? 'LB_PASSWORD')
  secrets.add(password)
  return { username, password }
}

function variableOf(env: Readonly<Record<string, string | undefined>>, flag: string, variable: string): string {
  const value = env[variable]?.trim()
  if (value !== undefined && value !== '') return value
  throw new CommandError(
    `--${flag}: the variable ${variable} is not set. Set it, or name another one with --${flag}`,
    exitCodes.usage,
  )
}

/** The URLs of a registry without user and password, which are credentials of all of them. */
export function serversOf(
  flag: string,
  urls: readonly string[],
): { readonly servers: readonly string[]; readonly userInfo: Credentials | undefined } {
  let userInfo: Credentials | undefined
  const servers = urls.map((text) => {
    const url = /^https?:\/\//i.test(text) && URL.canParse(text) ? new URL(text) : undefined
    // Not shown: a wrong URL may hold a password all the same.
    if (url === undefined)
      throw usageError(
        flag,
        'a URL such as http://10.0.0.1:2379',
        text.replace(/^.*@/, '***@'),
        'Write flags with an optional value last',
      )
    if (url.username !== '') {
      userInfo = { username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) }
    }
    url.username = ''
    url.password = ''
    return url.href.replace(/\/$/, '')
  })
  return { servers, userInfo }
}
