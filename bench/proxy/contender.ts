// One proxy in a process of its own: contender.ts <name> <backend>… Tells its parent the port, and its CPU time when asked.
import { contenders } from './contenders.ts'

const [name = '', ...backends] = process.argv.slice(2)
const start = contenders[name]
if (start === undefined) throw new Error(`no contender ${name}`)
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.({ cpuUs: user + system })
})
process.on('disconnect', () => process.exit())
process.send?.({ port: await start(backends) })
