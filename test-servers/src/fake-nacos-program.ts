// A fake Nacos as a process of its own, so that it can be killed and stopped: `fake-nacos-program.ts '{"version":"3.2","port":8848}'`.
import { FakeNacos } from './fake-nacos.ts'
import type { FakeNacosOptions } from './fake-nacos-options.ts'

const fake = await FakeNacos.start(JSON.parse(process.argv[2] ?? '{}') as FakeNacosOptions)
console.log(fake.url)
