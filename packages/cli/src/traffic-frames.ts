import { counted } from '@lb/core/authoring'
import type { CommandContext } from './command-context.ts'
import type { DashboardClient } from './dashboard-client.ts'
import { type JsonObject, numberIn, objectIn, objectsIn, textIn } from './json-fields.ts'
import { numberText } from './number-format.ts'
import { printable } from './printable.ts'
import { stylesFor } from './text-style.ts'
import { type Column, textTable } from './text-table.ts'

const pageSize = 500
/** No more are read, however many rows a gateway claims to have. */
const maxPages = 200

/** Every service, page by page. */
export async function readServices(client: DashboardClient): Promise<readonly JsonObject[]> {
  return (await readPages(client, 'services', 'services')).rows
}

/** One service with all its instances. */
export async function readService(client: DashboardClient, service: string): Promise<JsonObject> {
  const { first, rows } = await readPages(client, `services/${encodeURIComponent(service)}`, 'instances')
  return { service: objectIn(first, 'service'), instances: rows }
}

async function readPages(
  client: DashboardClient,
  path: string,
  list: string,
): Promise<{ readonly first: JsonObject; readonly rows: readonly JsonObject[] }> {
  const first = await client.get(`${path}?limit=${pageSize}`)
  const rows = [...objectsIn(first, list)]
  const total = numberIn(first, 'total') ?? 0
  for (let page = 1; rows.length < total && page < maxPages; page++) {
    const more = objectsIn(await client.get(`${path}?offset=${rows.length}&limit=${pageSize}`), list)
    // Some may have gone meanwhile.
    if (more.length === 0) break
    rows.push(...more)
  }
  return { first, rows }
}

/** A table of services, with a line above it. */
export function servicesFrame(services: readonly JsonObject[], time: string, context: CommandContext): string {
  if (services.length === 0) return `0 services, ${time}\nA service is shown from its first call.\n`
  const count = counted(services.length, 'service')
  return frame(`${count}, ${time}`, serviceColumns, services, context)
}

/** A table of the instances of a service, with a line above it. */
export function instancesFrame(read: JsonObject, time: string, context: CommandContext): string {
  const service = objectIn(read, 'service')
  const panic = textIn(service, 'panic')
  const facts = [
    printable(textIn(service, 'service'), 80),
    `${number(service, 'candidates')} of ${number(service, 'known')} instances take traffic`,
    printable(textIn(service, 'balancer'), 60),
    `list ${printable(textIn(service, 'status'), 20)}`,
    panic === '' ? '' : `PANIC: ${printable(panic)}`,
    sharesText(service),
    time,
  ]
  const title = facts.filter((fact) => fact !== '').join(', ')
  return frame(title, instanceColumns, objectsIn(read, 'instances'), context)
}

/** The shares that were set at run time, as `lb shares` takes them, and who set them. */
function sharesText(service: JsonObject): string {
  const set = objectsIn(service, 'overrides').find((each) => textIn(each, 'kind') === 'shares')
  if (set === undefined) return ''
  const shares = Object.entries(objectIn(set, 'shares')).map(
    ([group, share]) => `${group}=${numberText(Number(share))}`,
  )
  const by = textIn(set, 'by')
  return `shares ${printable(shares.join(' '), 200)}${by === '' ? '' : ` by ${printable(by, 60)}`}`
}

function frame(
  title: string,
  columns: readonly Column<JsonObject>[],
  rows: readonly JsonObject[],
  { out, env }: CommandContext,
): string {
  const { bold } = stylesFor(out, env)
  return `${title}\n${textTable(columns, rows, { width: out.columns, heading: bold })}`
}

type Cell = (row: JsonObject) => string

function column(title: string, cell: Cell, align: 'left' | 'right' = 'right'): Column<JsonObject> {
  return { title, cell, align }
}

function number(row: JsonObject, name: string, digits = 0): string {
  const value = numberIn(row, name)
  return value === undefined ? '' : value.toFixed(digits)
}

/** The traffic of a row, of which `counted` is what ends: the calls of a service, the attempts on an instance. */
const trafficColumns = (counted: 'CALLS' | 'ATTEMPTS'): readonly Column<JsonObject>[] => [
  column(`${counted}/S`, (row) => number(objectIn(row, 'traffic'), 'perSecond', 1)),
  column('FAIL/S', (row) => number(objectIn(row, 'traffic'), 'failuresPerSecond', 1)),
  column('P50 MS', (row) => number(objectIn(row, 'traffic'), 'p50Ms', 1)),
  column('P99 MS', (row) => number(objectIn(row, 'traffic'), 'p99Ms', 1)),
  column('IN FLIGHT', (row) => number(row, 'inFlight')),
]

const serviceColumns: readonly Column<JsonObject>[] = [
  column('SERVICE', (row) => printable(textIn(row, 'service'), 80), 'left'),
  column('LIST', (row) => printable(textIn(row, 'status'), 20), 'left'),
  column('CANDIDATES', (row) => `${number(row, 'candidates')}/${number(row, 'known')}`),
  ...trafficColumns('CALLS'),
  column('QUEUED', (row) => number(row, 'queued')),
  column('RETRIES LEFT', (row) => number(row, 'retryBudget')),
  column('LIST AGE S', (row) => number({ age: (numberIn(row, 'listAgeMs') ?? 0) / 1_000 }, 'age')),
  column('PANIC', (row) => printable(textIn(row, 'panic')), 'left'),
]

const percent = (row: JsonObject, name: string): string => {
  const value = numberIn(objectIn(row, 'share'), name)
  return value === undefined ? '' : `${(100 * value).toFixed(1)} %`
}

const instanceColumns: readonly Column<JsonObject>[] = [
  column('INSTANCE', (row) => printable(textIn(objectIn(row, 'instance'), 'id') || textIn(row, 'address'), 80), 'left'),
  column('STATE', (row) => printable(textIn(row, 'state'), 20), 'left'),
  column('WEIGHT', (row) => numberText(numberIn(row, 'effectiveWeight') ?? 0)),
  column('WANTED', (row) => percent(row, 'wanted')),
  column('GOT', (row) => percent(row, 'got')),
  ...trafficColumns('ATTEMPTS'),
  column('ZONE', (row) => printable(textIn(objectIn(row, 'instance'), 'zone'), 40), 'left'),
  column('REASON', (row) => (textIn(row, 'state') === 'available' ? '' : printable(textIn(row, 'reason'))), 'left'),
]
