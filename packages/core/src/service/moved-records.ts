import { isSameAddress, type ServiceInstance } from '../instance/instance.ts'
import type { InstanceRecord } from './record.ts'

/** Instances with requests in flight at an address that is no longer that of their id. */
export class MovedRecords extends Set<InstanceRecord> {
  /** What is known of `instance` at its address. */
  at(instance: ServiceInstance): InstanceRecord | undefined {
    for (const record of this) {
      if (record.instance.id === instance.id && isSameAddress(record.instance, instance)) return record
    }
    return undefined
  }
}
