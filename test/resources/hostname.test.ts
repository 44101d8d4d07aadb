import { hostname } from '../../src/resources/hostname.ts'
import { planTable } from './table.ts'

planTable([
  {
    title: 'nothing to do when both names match',
    task: hostname({ name: 'web1' }),
    probe: 'web1\nweb1\n',
    expect: { unchanged: 'is web1' },
  },
  {
    title: 'sets the file and the running name',
    task: hostname({ name: 'web2' }),
    probe: 'web1\n\n',
    expect: { changes: ['/etc/hostname absent → web2', 'running name web1 → web2'] },
  },
])
