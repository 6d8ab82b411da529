import { describe, expect, it } from 'vitest'
import manifest from '../package.json' with { type: 'json' }
import { commandList } from '../src/command-list.ts'
import { run, words } from './run-command.ts'

describe('a wrong command line', () => {
  it.each([
    ['', 'a command is missing'],
    ['resolv users', 'Did you mean resolve?'],
    ['resolve', "missing required argument 'service'"],
    ['resolve --consul users', 'Flags with an optional value come last'],
    ['resolve users --consull http://h', 'Did you mean --consul?'],
    ['resolve users more --env', 'too many arguments'],
    ['resolve users --static', "option '--static <addresses>' argument missing"],
    [
      'resolve users',
      'Add one of --static, --file, --env, --dns, --dns-srv, --dns-sd, --consul, --etcd, --nacos, --kubernetes',
    ],
    ['resolve users --consul --etcd', '--consul and --etcd exclude each other. Leave one of them out'],
    ['resolve users --env --datacenter dc2', '--datacenter belongs to --consul, not to --env. Leave it out'],
    ['resolve users --env -o yaml', '--output must be one of table, json, got "yaml"'],
    [
      'resolve users --env --timeout 5',
      '--timeout must be a duration such as 500ms, 5s or 2m, 1 ms to 24 h, got "5". Add the unit: 5s or 5ms',
    ],
    ['resolve users --env --timeout 99h', '--timeout must be a duration'],
    ['resolve users --static 10.0.0.1', '--static: users[0]: port of an instance must be given, got "10.0.0.1"'],
    ['resolve users --static=', '--static'],
    ['resolve users --dns', '--dns needs --port'],
    ['resolve users --dns --port 0', '--port must be an integer in [1, 65535], got "0"'],
    ['resolve users --dns-srv nowhere', '--dns, --dns-srv or --dns-sd must be "10.0.0.2"'],
    ['resolve users --dns-srv --dns-transport smoke', '--dns-transport must be one of udp, tcp, got "smoke"'],
    ['resolve users --etcd not-a-url', '--etcd must be a URL such as http://10.0.0.1:2379, got "not-a-url"'],
    ['resolve users --etcd --codec json', '--codec must be one of kratos, go-zero, address, got "json"'],
    ['resolve users --etcd --prefix no-slash', '--prefix must be a text that ends in a slash'],
    ['resolve users --nacos --context-path x', '--context-path must be a path such as "/nacos"'],
    ['resolve users --kubernetes http://h:1 --namespace N_', '--namespace must be the name of a namespace, got "N_"'],
    ['resolve users --consul --token-env NONE', '--token-env: the variable NONE is not set'],
    ['resolve users --etcd --username me', '--password-env: the variable LB_PASSWORD is not set'],
    ['resolve users --file /lists --service-label x', '--service-label must be absent without file'],
    ['call users -n 0 --env', '--requests must be an integer in [1, 10000000], got "0"'],
    ['call users -c many --env', '--concurrency must be an integer'],
    ['call users -H broken --env', '--header must be a name and a value'],
    ['call users -X GET -d body --env', '--data and --method GET exclude each other'],
    ['call users http://other/x --env', '[path] must be a path'],
    ['call users --balancer best --env', '--balancer must be one of round-robin'],
    ['weight users a lots --url http://h/lb', '<weight> must be a finite number ≥ 0, got "lots"'],
    ['weight users a -1 --url http://h/lb', '<weight> must be a finite number ≥ 0, got "-1"'],
    ['shares users --url http://h/lb', 'shares must be given, such as canary=5 stable=95, or --clear'],
    [
      'shares users canary --url http://h/lb',
      'a share must be a group and a number ≥ 0, such as canary=5, got "canary"',
    ],
    ['shares users a=1 a=2 --url http://h/lb', 'each group must have one share'],
    ['shares users canary=5 --clear --url http://h/lb', 'not both'],
    ['drain users a', '--url is missing'],
    ['drain users a --url gateway', '--url must be an http: or https: URL, got "gateway"'],
    ['drain users a --url http://h/lb?x=1', '--url must be without a query and a fragment'],
    ['top --url http://h/lb --interval 1ms', '--interval must be a duration'],
    ['simulate nothing', 'Known are cold-start'],
    ['simulate retry-storm --seed one', '--seed must be an integer'],
    ['simulate retry-storm --utilisation 2', '--utilisation must be a number in [0.001, 1], got "2"'],
    ['doctor ftp://users/ --env', 'the URL must be http:, https: or lb:'],
  ])('%s', async (line, message) => {
    const { code, out, err } = await run(words(line))
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(message)
    expect(err).toMatch(/^lb: [^\n]+\n$/)
  })
})

describe('help', () => {
  it.each(commandList)('of $name has its arguments, flags and examples, and fits 80 columns', async (definition) => {
    const { code, out, err } = await run([definition.name, '--help'], { columns: 80 })
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toContain(`Usage: lb ${definition.name} [options] ${definition.arguments}`)
    for (const { flags } of definition.flags) expect(out).toContain(flags)
    expect(definition.examples.length).toBeGreaterThan(0)
    for (const [example] of definition.examples) expect(out).toContain(example)
    const [flags = ''] = out.split('Examples:')
    expect(flags.split('\n').filter((line) => line.length > 80)).toEqual([])
  })

  it('names every command and every exit code', async () => {
    const { code, out } = await run(['--help'])
    expect(code).toBe(0)
    for (const { name, summary } of commandList) expect(out).toMatch(new RegExp(`  ${name} .*${summary}`))
    for (const each of ['0', '1', '2', '3', '130', '143']) expect(out).toMatch(new RegExp(`^  ${each} +\\S`, 'm'))
  })

  it('has the version', async () => {
    expect(await run(['--version'])).toEqual({ code: 0, out: `${manifest.version}\n`, err: '' })
  })
})

describe('secrets', () => {
  const secret = 'hunter2secret'

  it.each([
    [`resolve users --consul http://me:${secret}@127.0.0.1:1`],
    [`resolve users --consul=http://me:${secret}@127.0.0.1:1 --debug`],
    [`resolve users --consul http://me:${secret}@`],
    [`resolve users --etcd http://me:${secret}@127.0.0.1:1 --debug`],
    [`resolve users --etcd me:${secret}@127.0.0.1:1`],
    [`resolve users --nacos http://me:${secret}@127.0.0.1:1 --debug`],
    [`resolve users --kubernetes http://me:${secret}@127.0.0.1:1`],
    [`resolve users --static http://me:${secret}@127.0.0.1:1`],
    [`resolve users --consul http://127.0.0.1:1 --token-env SECRET --debug`],
    [`resolve users --etcd http://127.0.0.1:1 --username me --password-env SECRET --debug`],
    [`resolve users --etcd http://127.0.0.1:9,http://me:${secret}@127.0.0.1:9 --debug`],
    ['resolve users --consul http://127.0.0.1:9 --debug'],
    [`resolve users --tokn=${secret}`],
    [`doctor http://me:${secret}@users:80/ --env`],
    [`doctor http://me:${secret}@users/ --env`],
    [`call users http://me:${secret}@host/ --env`],
    [`call users -H authorization=${secret} --env`],
    [`call users / -H authorization:Bearer${secret} --static 127.0.0.1:1 --no-retry --debug`],
    [`drain users a --url http://me:${secret}@127.0.0.1:1/lb`],
    [`drain users a --url http://127.0.0.1:1/lb --token ${secret} --debug`],
    [`top --url http://127.0.0.1:1/lb --token ${secret}é`],
  ])('are nowhere: %s', { timeout: 20_000 }, async (line) => {
    const { code, out, err } = await run(words(line), {
      env: { SECRET: secret, LB_TOKEN: secret, CONSUL_HTTP_TOKEN: secret, CONSUL_HTTP_AUTH: `me:${secret}` },
    })
    expect(code).toBeGreaterThan(0)
    expect(out + err).not.toContain(secret)
  })
})
