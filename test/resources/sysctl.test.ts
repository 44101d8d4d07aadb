import test from 'ava'
import { sysctl } from '../../src/resources/sysctl.ts'
import { editSysctlFile, sysctlPath, valueInFile } from '../../src/resources/sysctl-file.ts'
import { facts, planOne, planTable } from './table.ts'

const path = '/etc/sysctl.d/60-provision.conf'
const file = (text: string) => `file\t${path}\t644 root:root\t${Buffer.from(text).toString('base64')}\n`
const live = (key: string, value: string, writable = 'yes') =>
  `live\t${key.replaceAll('.', '/')}\t${writable}\n/proc/sys/${key.replaceAll('.', '/')}:${value}\n`

planTable([
  {
    title: 'nothing to do when file and kernel agree, white space apart',
    task: sysctl({ key: 'net.ipv4.tcp_rmem', value: '4096   131072\t6291456' }),
    probe: file('net.ipv4.tcp_rmem=4096 131072 6291456\n') + live('net.ipv4.tcp_rmem', '4096 131072 6291456'),
    expect: { unchanged: 'as wished' },
  },
  {
    title: 'sets both',
    task: sysctl({ key: 'vm.swappiness', value: 10 }),
    probe: `absent\t${path}\n${live('vm.swappiness', '60')}`,
    expect: { changes: [`vm.swappiness absent → 10 in ${path}`, 'vm.swappiness 60 → 10 in the kernel'] },
  },
  {
    title: 'a file that is right does not hide a kernel that is not',
    task: sysctl({ key: 'vm.swappiness', value: 10 }),
    probe: file('vm.swappiness = 10\n') + live('vm.swappiness', '60'),
    expect: { changes: ['vm.swappiness 60 → 10 in the kernel'] },
    scripts: ["printf '%s\\n' 10 >/proc/sys/vm/swappiness"],
  },
  {
    title: 'what cannot be applied here is said, not failed',
    task: sysctl({ settings: { 'kernel.kptr_restrict': 2, 'vm.swappiness': 10 } }),
    probe: `absent\t${path}\n${live('kernel.kptr_restrict', '0', 'no')}${live('vm.swappiness', '10', 'no')}`,
    expect: {
      changes: [
        `kernel.kptr_restrict absent → 2 in ${path}; cannot apply here: kernel.kptr_restrict`,
        `vm.swappiness absent → 10 in ${path}`,
      ],
    },
  },
  {
    title: 'and stays said when the file is as wished',
    task: sysctl({ key: 'kernel.kptr_restrict', value: 2 }),
    probe: file('kernel.kptr_restrict = 2\n') + live('kernel.kptr_restrict', '0', 'no'),
    expect: { unchanged: 'as wished; cannot apply here: kernel.kptr_restrict' },
  },
  {
    title: 'a parameter that the kernel does not have is unknown on a machine of its own',
    task: sysctl({ key: 'net.netfilter.nf_conntrack_max', value: 10 }),
    probe: `absent\t${path}\nmissing\tnet/netfilter/nf_conntrack_max\n`,
    expect: { unknown: 'the kernel has no parameter net.netfilter.nf_conntrack_max (is its module loaded?)' },
  },
  {
    title: 'a parameter that a container does not show is written to the file',
    task: sysctl({ key: 'net.core.rmem_max', value: 10 }),
    probe: `absent\t${path}\nmissing\tnet/core/rmem_max\n`,
    facts: { isContainer: true },
    expect: { changes: [`net.core.rmem_max absent → 10 in ${path}; cannot apply here: net.core.rmem_max`] },
  },
  {
    title: 'absent leaves the kernel alone',
    task: sysctl({ key: 'vm.swappiness', state: 'absent' }),
    probe: file('vm.swappiness = 10\n') + live('vm.swappiness', '10'),
    expect: { changes: [`vm.swappiness 10 → absent in ${path}`] },
    scripts: [`rm -f -- ${path}`],
  },
])

test('both ways to write a key mean the same file in /proc/sys', (t) => {
  t.is(sysctlPath('net.ipv4.conf.all.rp_filter'), 'net/ipv4/conf/all/rp_filter')
  t.is(sysctlPath('net/ipv4/conf/eth0.100/rp_filter'), 'net/ipv4/conf/eth0.100/rp_filter')
  t.is(sysctlPath('net.ipv4.conf.eth0/100.rp_filter'), 'net/ipv4/conf/eth0.100/rp_filter')
})

test('editing keeps other lines, replaces in place and removes doubles', (t) => {
  const content = '# tuning\nvm.swappiness=60\n\n-net/ipv4/ip_forward = 0\nvm.swappiness = 50'
  t.is(valueInFile(content, 'vm.swappiness'), '50')
  t.is(valueInFile(content, 'net.ipv4.ip_forward'), '0')
  t.is(
    editSysctlFile(
      content,
      new Map([
        ['vm.swappiness', '10'],
        ['net.ipv4.ip_forward', undefined],
        ['kernel.x', '1 2'],
      ]),
    ),
    '# tuning\nvm.swappiness = 10\n\nkernel.x = 1 2\n',
  )
})

test('a probe that says nothing of a key is an error', (t) => {
  const error = t.throws(() => planOne(sysctl({ key: 'vm.x', value: 1 }), `absent\t${path}\n`, { facts, check: false }))
  t.is(error?.message, 'the probe said nothing of vm.x')
})

test('what types cannot say is refused at load', (t) => {
  const message = (make: () => unknown) => t.throws(make)?.message
  t.is(
    message(() => sysctl({ key: 'vm.x' })),
    "sysctl: option 'value' is missing",
  )
  t.is(
    message(() => sysctl({ settings: { 'vm.x': 1, 'vm/x': 2 } })),
    'sysctl: the parameter vm/x is there twice',
  )
  t.regex(message(() => sysctl({ key: 'vm.x', value: '1\n2' })) ?? '', /expected a value in one line/)
  t.regex(message(() => sysctl({ key: '../x', value: 1 })) ?? '', /expected a kernel parameter/)
})
