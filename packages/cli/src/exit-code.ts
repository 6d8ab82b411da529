/** How a command ends, as the shell sees it. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** Every exit code of `lb`. */
export const exitCodes = {
  /** The command did what it was asked. */
  ok: 0,
  /** It did not: calls failed, the registry or the gateway cannot be reached or refuses, a check failed. */
  failed: 1,
  /** The command line is wrong: nothing was done. */
  usage: 2,
  /** The service has no instances, or the service or instance is not known. */
  nothingFound: 3,
  /** Ctrl-C. */
  interrupted: 130,
  /** SIGTERM. */
  terminated: 143,
} as const

/** What the exit codes mean, for help and reference. */
export const exitCodeMeanings: readonly (readonly [code: ExitCode, meaning: string])[] = [
  [exitCodes.ok, 'The command did what it was asked.'],
  [
    exitCodes.failed,
    'It failed: calls failed, a check failed, or the registry or the gateway is unreachable or refuses.',
  ],
  [exitCodes.usage, 'The command line is wrong. Nothing was done.'],
  [exitCodes.nothingFound, 'The service has no instances, or the service or the instance is unknown.'],
  [exitCodes.interrupted, 'Ctrl-C (SIGINT). Everything is closed, and results so far are printed.'],
  [exitCodes.terminated, 'SIGTERM.'],
]
