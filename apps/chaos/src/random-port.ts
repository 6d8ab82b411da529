const first = 20_000
const count = 10_000

/**
 * A port below those that systems give to outgoing connections: otherwise one of the many attempts to reach a dead
 * backend may be given the very port it tries to reach, and connect to itself.
 */
export function randomPort(): number {
  return first + Math.floor(Math.random() * count)
}
