export { FileSnapshotStore, type FileSnapshotStoreOptions } from './file-snapshot-store.ts'
