import type { CommandDefinition, FlagDefinition } from './command-definition.ts'
import { discoveryFlags } from './discovery-flags.ts'

const output = 'Output'
const limits = 'Limits'
const gateway = 'Gateway'

const format: FlagDefinition = {
  flags: '-o, --output <format>',
  description: 'table or json. Default: table',
  group: output,
}
const timeout = (description: string): FlagDefinition => ({ flags: '--timeout <duration>', description, group: limits })
const listTimeout = timeout('longest wait for the registry, such as 500ms or 5s. Default: 5s')
const requestTimeout = timeout('longest wait for a response of the gateway. Default: 5s')
const zone: FlagDefinition = {
  flags: '--zone <zone>',
  description: 'the zone of this process: instances in it are preferred',
  group: 'Load balancer',
}
const balancer: FlagDefinition = {
  flags: '--balancer <name>',
  description:
    'round-robin, smooth-weighted-round-robin, random, least-request, peak-ewma, probing, … Default: round-robin',
  group: 'Load balancer',
}

const gatewayFlags: readonly FlagDefinition[] = [
  {
    flags: '--url <url>',
    description: 'where the dashboard of the gateway is mounted, such as http://gateway/lb',
    group: gateway,
  },
  {
    flags: '--token <token>',
    description: 'the bearer token. Default: the variable LB_TOKEN, which no list of processes shows',
    group: gateway,
  },
]
const controlFlags: readonly FlagDefinition[] = [...gatewayFlags, format, requestTimeout]
const onGateway = '--url http://gateway/lb'

/** Every command, in the order of help. */
export const commandList: readonly CommandDefinition[] = [
  {
    name: 'resolve',
    arguments: '<service>',
    summary: 'list the instances of a service',
    description: 'Lists the instances that the source knows, and their state as a load balancer sees it.',
    flags: [...discoveryFlags, format, listTimeout, zone],
    examples: [
      ['lb resolve user-service --consul http://127.0.0.1:8500', 'a table of its instances'],
      ['lb resolve user-service --dns-srv 127.0.0.1:8600 -o json', 'the same from DNS, as JSON'],
      ['lb resolve orders.prod --kubernetes', 'as the kubeconfig says'],
    ],
    load: async () => (await import('./commands/resolve.ts')).resolve,
  },
  {
    name: 'watch',
    arguments: '<service>',
    summary: 'print changes of a service as they come',
    description: 'Prints the instances of a service, then every change, until Ctrl-C. As JSON, each line is one event.',
    flags: [...discoveryFlags, format, listTimeout],
    examples: [
      ['lb watch user-service --consul', 'until Ctrl-C'],
      ['lb watch user-service --etcd -o json | jq .type', 'one JSON document for each line'],
    ],
    load: async () => (await import('./commands/watch.ts')).watch,
  },
  {
    name: 'call',
    arguments: '<service> [path]',
    summary: 'call a service, and show how calls are spread',
    description:
      'Calls a service through the load balancer, with retries on other instances, and prints a table of its instances and the latencies. Fails if more calls fail than --max-failures.',
    flags: [
      ...discoveryFlags,
      { flags: '-n, --requests <count>', description: 'calls, 1 to 10000000. Default: 1', group: 'Calls' },
      { flags: '-c, --concurrency <count>', description: 'calls at once, 1 to 10000. Default: 1', group: 'Calls' },
      { flags: '-X, --method <method>', description: 'Default: GET, with --data POST', group: 'Calls' },
      {
        flags: '-H, --header <header>',
        description: 'a header, such as "accept: text/plain"; repeat it for several',
        group: 'Calls',
      },
      { flags: '-d, --data <text>', description: 'the body', group: 'Calls' },
      {
        flags: '--max-failures <count>',
        description: 'failed calls that are no failure of the command. Default: 0',
        group: 'Calls',
      },
      timeout('longest time of one call with all its attempts. Default: 10s'),
      balancer,
      zone,
      { flags: '--no-retry', description: 'a failed call is not repeated on another instance', group: 'Load balancer' },
      format,
    ],
    examples: [
      ['lb call user-service /v1/profile --consul', 'one call; its response is counted, not printed'],
      ['lb call user-service /v1/profile -n 200 -c 20 --consul', '200 calls, 20 at once'],
      [
        'lb call user-service / -n 1000 --static 10.0.1.12:8080,10.0.1.13:8080 --balancer least-request',
        'without a registry',
      ],
    ],
    load: async () => (await import('./commands/call.ts')).call,
  },
  {
    name: 'top',
    arguments: '[service]',
    summary: 'show the services of a gateway live',
    description:
      'Shows every service of a gateway, or the instances of one, again and again until Ctrl-C. Without a terminal it prints once. As JSON it prints a line each time, also without a terminal, until Ctrl-C; with --once one line.',
    flags: [
      ...gatewayFlags,
      {
        flags: '--interval <duration>',
        description: 'time between two looks, at least 100ms. Default: 2s',
        group: output,
      },
      { flags: '--once', description: 'print once, and end', group: output },
      format,
      requestTimeout,
    ],
    examples: [
      [`lb top ${onGateway}`, 'every service'],
      [`lb top user-service ${onGateway} --interval 500ms`, 'the instances of one'],
      [`lb top ${onGateway} --once -o json`, 'once, for a script'],
    ],
    load: async () => (await import('./commands/top.ts')).top,
  },
  {
    name: 'drain',
    arguments: '<service> <instance>',
    summary: 'give an instance no new requests',
    description: 'Takes an instance out of traffic. Requests in flight end; connections stay.',
    flags: controlFlags,
    examples: [[`LB_TOKEN=… lb drain user-service 10.0.1.12:8080 ${onGateway}`, 'until it is restored']],
    load: async () => (await import('./commands/control.ts')).drain,
  },
  {
    name: 'restore',
    arguments: '<service> <instance>',
    summary: 'take back drain and weight of an instance',
    description: 'Takes back what drain and weight have set: the instance has the weight of the registry again.',
    flags: controlFlags,
    examples: [[`lb restore user-service 10.0.1.12:8080 ${onGateway}`, 'traffic returns']],
    load: async () => (await import('./commands/control.ts')).restore,
  },
  {
    name: 'weight',
    arguments: '<service> <instance> <weight>',
    summary: 'set the weight of an instance',
    description: 'Gives an instance another weight than the registry says, a number ≥ 0.',
    flags: controlFlags,
    examples: [[`lb weight user-service 10.0.1.12:8080 0.5 ${onGateway}`, 'half of what the others get']],
    load: async () => (await import('./commands/control.ts')).weight,
  },
  {
    name: 'shares',
    arguments: '<service> [shares...]',
    summary: 'set the shares of groups, for a canary',
    description:
      'Sets the share of each group of a grouped balancer, such as canary=5 stable=95; --clear takes them back.',
    flags: [
      ...controlFlags,
      { flags: '--clear', description: 'the shares of the configuration apply again', group: gateway },
    ],
    examples: [
      [`lb shares user-service canary=5 stable=95 ${onGateway}`, '5 % of the requests go to the canary'],
      [`lb shares user-service --clear ${onGateway}`, 'as configured'],
    ],
    load: async () => (await import('./commands/control.ts')).shares,
  },
  {
    name: 'end-ejection',
    arguments: '<service> <instance>',
    summary: 'let an ejected instance take requests again',
    description: 'Ends the ejection of an instance before its time.',
    flags: controlFlags,
    examples: [[`lb end-ejection user-service 10.0.1.12:8080 ${onGateway}`, 'it is used again at once']],
    load: async () => (await import('./commands/control.ts')).endEjection,
  },
  {
    name: 'simulate',
    arguments: '[scenario]',
    summary: 'run a failure in virtual time',
    description:
      'Runs real load balancers against simulated instances in virtual time. The scenario is a name, or a JSON file. With --recording, the traffic is what recordTraffic wrote, and a scenario may happen besides. The same seed gives the same hash. Without both it lists the scenarios.',
    flags: [
      {
        flags: '--clients <count>',
        description: 'processes with one load balancer each, 1 to 100000. Default: 10',
        group: 'Size',
      },
      { flags: '--instances <count>', description: '1 to 100000. Default: 10', group: 'Size' },
      { flags: '--duration <duration>', description: 'virtual time. Default: 20s', group: 'Size' },
      { flags: '--rate <count>', description: 'calls of each client per second. Default: 40', group: 'Size' },
      { flags: '--seed <number>', description: 'Default: 1', group: 'Size' },
      {
        flags: '--utilisation <ratio>',
        description: 'share of the capacity in use when all is well, 0.001 to 1. Default: 0.5',
        group: 'Size',
      },
      {
        flags: '--recording <file>',
        description:
          'play what recordTraffic wrote, packed by gzip if it ends with .gz. It has its clients, instances, rate and duration',
        group: 'Recording',
      },
      {
        flags: '--service <name>',
        description: 'the service of the recording. Default: the only one that has calls in it',
        group: 'Recording',
      },
      {
        flags: '--concurrency <count>',
        description:
          'requests that an instance of the recording serves at once, while others wait. Default: any number',
        group: 'Recording',
      },
      balancer,
      { flags: '--no-outlier-detection', description: 'instances are never ejected', group: 'Load balancer' },
      { flags: '--no-retry', description: 'a failed call is not repeated', group: 'Load balancer' },
      format,
    ],
    examples: [
      ['lb simulate', 'the scenarios'],
      ['lb simulate grey-failure --balancer least-request --no-outlier-detection', 'what ejection is for'],
      ['lb simulate canary.json --seed 7 -o json', 'a scenario of your own'],
      [
        'lb simulate --recording traffic.jsonl --balancer peak-ewma',
        'what would have happened with peak EWMA last night',
      ],
    ],
    load: async () => (await import('./commands/simulate.ts')).simulate,
  },
  {
    name: 'doctor',
    arguments: '<url|service>',
    summary: 'say what lb makes of a URL or a service',
    description:
      'Checks whether the URL names a service, what the registry says of it, and which instance is picked and why. With --connect it also connects to each instance.',
    flags: [
      ...discoveryFlags,
      { flags: '--connect', description: 'connect to every instance', group: 'Checks' },
      balancer,
      zone,
      listTimeout,
      format,
    ],
    examples: [
      ['lb doctor http://user-service/v1/profile --consul', 'does this URL reach a service?'],
      ['lb doctor user-service --consul --connect', 'and does each instance accept connections?'],
    ],
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
]
