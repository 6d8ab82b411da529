/** The ways to be observed, and what is measured of each. */
export const contenders = {
  nothing: 'lb, not observed',
  transport: 'lb, with instrumentation-undici alone',
  calls: 'lb, with instrumentation-undici and @lb/opentelemetry',
  prometheus: 'lb, with @lb/prometheus',
} as const

/** The name of a contender. */
export type ContenderName = keyof typeof contenders
