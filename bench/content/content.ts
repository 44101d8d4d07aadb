// The one content that every contestant brings to every host: 50 resources. Everything else is made from it: the floor's
// script, the judge's checks, Ansible's variables and templates, hostwright's playbook.

/** A user of the hosts. */
export interface UserContent {
  readonly name: string
  readonly group: string
  readonly shell: string
}

/** A directory or a file, and whose it is. */
export interface PathContent {
  readonly path: string
  readonly mode: `0${number}`
  readonly owner: string
}

/** A line that replaces the one that matches, or is added. */
export interface LineContent {
  readonly path: string
  /** Understood alike by JavaScript, Python and, after a small change, by sed. */
  readonly match: string
  readonly line: string
}

/** Packages, in no order that matters. */
export const packages = 'cron at tinyproxy nginx memcached curl htop jq rsync tree'.split(' ')

/** Services that run and are enabled; each comes with one of the packages. */
export const services = 'cron atd tinyproxy nginx memcached'.split(' ')

export const users: readonly UserContent[] = [
  { name: 'deploy', group: 'adm', shell: '/bin/bash' },
  { name: 'benchapp', group: 'www-data', shell: '/bin/bash' },
  { name: 'benchmon', group: 'adm', shell: '/bin/bash' },
]

export const directories: readonly PathContent[] = [
  { path: '/etc/bench', mode: '0755', owner: 'root' },
  { path: '/etc/bench/conf.d', mode: '0750', owner: 'root' },
  { path: '/srv/bench', mode: '0755', owner: 'deploy' },
  { path: '/srv/bench/data', mode: '0770', owner: 'benchapp' },
  { path: '/var/lib/bench', mode: '0700', owner: 'benchmon' },
]

/** The files that are made from templates, see templates.ts. */
export const files: readonly PathContent[] = [
  ...several<PathContent>(6, (number) => ({
    path: `/etc/bench/conf.d/app${number}.conf`,
    mode: '0640',
    owner: 'root',
  })),
  ...several<PathContent>(4, (number) => ({
    path: `/etc/nginx/conf.d/bench${number}.conf`,
    mode: '0644',
    owner: 'root',
  })),
  ...several<PathContent>(3, (number) => ({ path: `/etc/cron.d/bench${number}`, mode: '0644', owner: 'root' })),
  ...several<PathContent>(3, (number) => ({ path: `/etc/profile.d/bench${number}.sh`, mode: '0644', owner: 'root' })),
  ...several<PathContent>(3, (number) => ({
    path: `/srv/bench/data/page${number}.html`,
    mode: '0644',
    owner: 'benchapp',
  })),
  { path: '/var/lib/bench/state.ini', mode: '0600', owner: 'benchmon' },
]

export const lines: readonly LineContent[] = [
  { path: '/etc/login.defs', match: '^UMASK\\b', line: 'UMASK\t\t027' },
  { path: '/etc/login.defs', match: '^PASS_MAX_DAYS\\b', line: 'PASS_MAX_DAYS\t180' },
  { path: '/etc/ssh/sshd_config', match: '^#?X11Forwarding\\b', line: 'X11Forwarding no' },
  {
    path: '/etc/security/limits.conf',
    match: '^benchapp\\s+soft\\s+nofile\\b',
    line: 'benchapp soft nofile 65536',
  },
  { path: '/etc/systemd/journald.conf', match: '^#?SystemMaxUse=', line: 'SystemMaxUse=200M' },
]

export const sysctls: Readonly<Record<string, string>> = {
  'net.ipv4.tcp_keepalive_time': '600',
  'net.ipv4.ip_forward': '1',
}

export const sysctlFile = '/etc/sysctl.d/90-bench.conf'

/** What the templates print, beside the name of the host. */
export const variables = { workers: '4', domain: 'lab.test' } as const

/** Packages and all other resources: each counts as one. */
export const resourceCount =
  packages.length +
  services.length +
  users.length +
  directories.length +
  files.length +
  lines.length +
  Object.keys(sysctls).length

function several<T>(count: number, make: (number: number) => T): T[] {
  return Array.from({ length: count }, (_, number) => make(number))
}
