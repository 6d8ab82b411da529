import { Etcd, type EtcdOptions, etcdPlace } from './etcd.ts'
import type { NetworkNamespace } from './network-namespace.ts'

export interface EtcdClusterOptions extends Omit<EtcdOptions, 'namespace'> {
  /** One for each member: what is cut off from which is then up to the test. Default: all on 127.0.0.1. */
  readonly namespaces?: readonly NetworkNamespace[]
}

/** Members of one etcd cluster that elect another leader within about a second. */
export class EtcdCluster {
  static readonly programs: readonly string[] = Etcd.programs
  readonly members: readonly Etcd[]

  static async start(size = 3, options: EtcdClusterOptions = {}): Promise<EtcdCluster> {
    const { namespaces = [], flags = [], ...rest } = options
    const places = await Promise.all(
      Array.from({ length: size }, (_, index) => etcdPlace(`etcd-${index + 1}`, namespaces[index])),
    )
    const started = await Promise.allSettled(
      places.map((place, index) => {
        const others = places.filter((other) => other !== place)
        const namespace = namespaces[index]
        const memberFlags = ['--heartbeat-interval=50', '--election-timeout=500', ...flags]
        return Etcd.startMember(place, others, { ...rest, flags: memberFlags, ...(namespace && { namespace }) })
      }),
    )
    const members = started.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    const cluster = new EtcdCluster(members)
    const failure = started.find((outcome) => outcome.status === 'rejected')
    if (failure === undefined) return cluster
    await cluster.stop()
    throw failure.reason
  }

  private constructor(members: readonly Etcd[]) {
    this.members = members
  }

  get urls(): string[] {
    return this.members.map((member) => member.url)
  }

  /** The member that takes itself for the leader; rejects while none does. */
  async leader(): Promise<Etcd> {
    for (const member of this.members) {
      const status = (await member.post('/v3/maintenance/status').catch(() => undefined)) as Status | undefined
      if (status?.leader !== undefined && status.leader === status.header.member_id) return member
    }
    throw new Error('no member is the leader')
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.stop()))
  }
}

interface Status {
  readonly header: { readonly member_id: string }
  readonly leader?: string
}
