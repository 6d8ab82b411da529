import type { CommandFunction } from '../command-definition.ts'
import { exitCodes } from '../exit-code.ts'
import { instanceColumns, instanceJson, sortedInstances } from '../instance-rows.ts'
import { outputFormat } from '../output-format.ts'
import { printableJson } from '../printable.ts'
import { firstList, listTimeoutMs, noInstances, withService } from '../service-session.ts'
import { stylesFor } from '../text-style.ts'
import { textTable } from '../text-table.ts'

/** `lb resolve`: the instances of a service. */
export const resolve: CommandFunction = async (invocation) => {
  const { args, options, context } = invocation
  const [service = ''] = args
  const format = outputFormat(options)
  const firstListTimeoutMs = listTimeoutMs(invocation)
  return await withService(invocation, service, { firstListTimeoutMs }, async (session) => {
    const instances = sortedInstances((await firstList(session, invocation)).instances)
    if (format === 'json') context.out.write(`${printableJson(instances.map(instanceJson), 2)}\n`)
    if (instances.length === 0) throw noInstances(session)
    if (format === 'table') {
      const styles = stylesFor(context.out, context.env)
      const layout = { width: context.out.columns, heading: styles.bold }
      context.out.write(textTable(instanceColumns(styles), instances, layout))
    }
    return exitCodes.ok
  })
}
