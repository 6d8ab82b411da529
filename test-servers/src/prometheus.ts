import { execFileSync } from 'node:child_process'
import { freePort } from './free-port.ts'
import { exchange } from './http-request.ts'
import { RunningServer } from './running-server.ts'
import { binary } from './server-binaries.ts'
import { ServerProcess } from './server-process.ts'

export interface PrometheusOptions {
  /** `host:port` whose `/metrics` is scraped. */
  readonly target: string
  /** The text of a file of rules. */
  readonly rules: string
  /** How often it scrapes, and evaluates its rules: `250ms`. */
  readonly interval: string
}

/** One series of an answer: its labels, and its value now. */
export interface PrometheusSample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
}

/** A Prometheus that scrapes one target. */
export class Prometheus extends RunningServer {
  static readonly programs: readonly string[] = ['prometheus', 'promtool']
  /** Without a slash at the end. */
  readonly url: string

  static async start({ target, rules, interval }: PrometheusOptions): Promise<Prometheus> {
    const server = new ServerProcess()
    const port = await freePort()
    const prometheus = new Prometheus(server, `http://127.0.0.1:${port}`)
    server.write('rules.yml', rules)
    const configuration = {
      global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
      rule_files: [server.path('rules.yml')],
      scrape_configs: [{ job_name: 'application', static_configs: [{ targets: [target] }] }],
    }
    // JSON is YAML.
    const file = server.write('prometheus.yml', JSON.stringify(configuration))
    const args = [
      `--config.file=${file}`,
      `--storage.tsdb.path=${server.path('data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ]
    await server.start('prometheus', args, () => exchange({ method: 'GET', url: `${prometheus.url}/-/ready` }))
    return prometheus
  }

  private constructor(server: ServerProcess, url: string) {
    super(server)
    this.url = url
  }

  /** The series that `expression` has now. */
  async query(expression: string): Promise<readonly PrometheusSample[]> {
    const url = `${this.url}/api/v1/query?query=${encodeURIComponent(expression)}`
    const answer = (await exchange({ method: 'GET', url })) as { data: { result: PrometheusSample[] } }
    return answer.data.result
  }

  /** The alerts that fire now: the name of each and its labels. */
  async firing(): Promise<readonly Readonly<Record<string, string>>[]> {
    const answer = (await exchange({ method: 'GET', url: `${this.url}/api/v1/alerts` })) as {
      data: { alerts: { state: string; labels: Record<string, string> }[] }
    }
    return answer.data.alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels)
  }
}

/** What `promtool` prints; it throws with that where it finds fault. */
export function promtool(args: readonly string[], input = ''): string {
  return execFileSync(binary('promtool'), args, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] })
}
