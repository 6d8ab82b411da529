import { CommandError } from './command-error.ts'
import { type ExitCode, exitCodes } from './exit-code.ts'

/** An error as it is shown: in one line, and as an exit code. */
export interface Explanation {
  readonly message: string
  readonly exitCode: ExitCode
}

const remedies: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Nothing listens there: check the address, and whether the server runs',
  ENOTFOUND: 'The name is not known: check its spelling, and the DNS servers',
  EAI_AGAIN: 'The name could not be looked up: check the DNS servers',
  ETIMEDOUT: 'It does not answer: check the address and the firewall, or give a longer --timeout',
  UND_ERR_CONNECT_TIMEOUT: 'It does not answer: check the address and the firewall',
  ECONNRESET: 'The connection was cut: check whether the server expects https, and whether it runs',
  SELF_SIGNED_CERT_IN_CHAIN: 'Give its authority with --ca-file, or NODE_EXTRA_CA_CERTS',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'Give its authority with --ca-file, or NODE_EXTRA_CA_CERTS',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'Give its authority with --ca-file, or NODE_EXTRA_CA_CERTS',
  ENOENT: 'Check the path',
  EACCES: 'Check the permissions of the file',
}

/** What went wrong, what is underneath where the message does not say it, and what can be done. */
export function explain(error: unknown): Explanation {
  const chain = causes(error)
  const [first = { message: String(error), code: '' }] = chain
  const last = chain.at(-1) ?? first
  const said =
    first.message.includes(last.message) || last.message === '' ? first.message : `${first.message}: ${last.message}`
  const code = chain.map((each) => each.code).find((each) => remedies[each] !== undefined)
  const remedy = code === undefined ? '' : `. ${remedies[code]}`
  return {
    message: `${said.replace(/\.$/, '')}${remedy}`,
    exitCode: exitCodeOf(error, first),
  }
}

function exitCodeOf(error: unknown, { code }: Pick<Cause, 'code'>): ExitCode {
  if (error instanceof CommandError) return error.exitCode
  return code === 'LB_INVALID_OPTION' ? exitCodes.usage : exitCodes.failed
}

interface Cause {
  readonly message: string
  readonly code: string
}

function causes(error: unknown): Cause[] {
  const chain: Cause[] = []
  for (let each = error; each instanceof Error && chain.length < 8; each = innerOf(each)) {
    chain.push({ message: each.message.trim(), code: 'code' in each ? String(each.code) : '' })
  }
  return chain
}

function innerOf(error: Error): unknown {
  if (error.cause !== undefined) return error.cause
  return error instanceof AggregateError ? error.errors[0] : undefined
}
