// Runs the program in workerd, which calls `test`.
import { run } from './program.mjs'

// biome-ignore lint/style/noDefaultExport: workerd takes nothing else.
export default {
  async test(_controller, { FIRST, SECOND, DEAD }) {
    await run({ alive: [FIRST, SECOND], dead: DEAD })
  },
}
