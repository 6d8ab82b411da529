const first = 20_000
const count = 4_000

/**
 * A port below those that systems give to outgoing connections: otherwise one of the many attempts to reach a dead
 * backend may be given the very port it tries to reach, and connect to itself. And below those that `unsharedPort` of @lb/testing gives.
 */
export function randomPort(): number {
  return first + Math.floor(Math.random() * count)
}
