#!/usr/bin/env node
import { processContext } from './process-context.ts'
import { runCli } from './run-cli.ts'

const { context, end } = processContext()
// The title takes the place of the arguments in lists of processes: a token may be among them.
process.title = 'lb'
void runCli(process.argv.slice(2), context).then(end)
