// What a converged host answers, in seven batches, and two scripts made of it: the judge's, which only looks, and the
// floor's, which repairs what is off. No tool's own code takes part.
import { createHash } from 'node:crypto'
import {
  directories,
  files,
  lines,
  type PathContent,
  packages,
  services,
  sysctlFile,
  sysctls,
  users,
} from './content.ts'
import { renderFile } from './templates.ts'

/** One batch of checks. */
export interface Check {
  readonly name: string
  /** A POSIX shell command that only looks. */
  readonly command: string
  /** Exactly what it prints on a converged host. */
  readonly expected: string
  /** Commands that make it so. */
  readonly repair: string
}

/** All checks of one host. */
export function checksOf(host: string): readonly Check[] {
  const names = Object.keys(sysctls)
  const both = [...directories, ...files]
  const userNames = users.map(({ name }) => name)
  return [
    {
      name: 'packages',
      command: `dpkg-query -W -f '\${Package} \${db:Status-Status}\\n' ${packages.join(' ')}`,
      expected: linesOf([...packages].sort().map((name) => `${name} installed`)),
      repair: `DEBIAN_FRONTEND=noninteractive apt-get -qqy install ${packages.join(' ')} >/dev/null 2>&1`,
    },
    {
      name: 'users',
      command: [
        `getent passwd ${userNames.join(' ')} | cut -d: -f1,6,7`,
        ...userNames.map((name) => `id -nG ${name}`),
      ].join('; '),
      expected: linesOf([
        ...users.map(({ name, shell }) => `${name}:/home/${name}:${shell}`),
        ...users.map(({ name, group }) => `${name} ${group}`),
      ]),
      repair: users
        .map(({ name, group, shell }) => {
          return `getent passwd ${name} >/dev/null || useradd -m -s ${shell} -G ${group} ${name}`
        })
        .join('\n'),
    },
    {
      name: 'attributes',
      command: `stat -c '%n %a %U %F' ${both.map(({ path }) => path).join(' ')}`,
      expected: linesOf([
        ...directories.map((entry) => `${attributes(entry)} directory`),
        ...files.map((entry) => `${attributes(entry)} regular file`),
      ]),
      repair: directories
        .map(({ path, mode, owner }) => `mkdir -p ${path}; chmod ${mode} ${path}; chown ${owner} ${path}`)
        .join('\n'),
    },
    {
      name: 'contents',
      command: `sha256sum ${files.map(({ path }) => path).join(' ')}`,
      expected: linesOf(files.map((file) => `${sha256(renderFile(file, host))}  ${file.path}`)),
      repair: [
        ...files.map((file) => `cat >${file.path} <<'BENCH_END'\n${renderFile(file, host)}BENCH_END`),
        ...files.map(({ path, mode, owner }) => `chmod ${mode} ${path}; chown ${owner} ${path}`),
      ].join('\n'),
    },
    {
      name: 'lines',
      command: lines.map(({ path, line }) => `grep -cxF ${quote(line)} ${path}`).join('; '),
      expected: linesOf(lines.map(() => '1')),
      repair: lines.map(({ path, match, line }) => repairLine(path, match, line)).join('\n'),
    },
    {
      name: 'sysctls',
      command: `sysctl -n ${names.join(' ')}; ${Object.entries(sysctls)
        .map(([name, value]) => `grep -Ec '^${name} ?= ?${value}$' ${sysctlFile}`)
        .join('; ')}`,
      expected: linesOf([...Object.values(sysctls), ...names.map(() => '1')]),
      repair: `printf '${Object.entries(sysctls)
        .map(([name, value]) => `${name} = ${value}\\n`)
        .join('')}' >${sysctlFile}; sysctl -qp ${sysctlFile}`,
    },
    {
      name: 'services',
      command: `systemctl is-enabled ${services.join(' ')}; systemctl is-active ${services.join(' ')}`,
      expected: linesOf([...services.map(() => 'enabled'), ...services.map(() => 'active')]),
      repair: `systemctl -q enable --now ${services.join(' ')} 2>/dev/null`,
    },
  ]
}

/** The judge: says which batches are not as they should be, and exits with 1 if any is not. */
export function renderJudge(host: string): string {
  const parts = checksOf(host).map((check) => unlessConverged(check, `echo 'not converged: ${check.name}'; bad=1`))
  return `bad=0\n${parts.join('')}exit $bad\n`
}

/** The floor: one script that checks everything, repairs what is off, and says how many batches it repaired. */
export function renderFloor(host: string): string {
  const parts = checksOf(host).map((check) => unlessConverged(check, `n=$((n+1))\n${check.repair}`))
  return `n=0\n${parts.join('')}echo changed=$n\n`
}

function unlessConverged({ command, expected }: Check, otherwise: string): string {
  return `if [ "$({ ${command}; } 2>&1)" != ${quote(expected.trimEnd())} ]; then\n${otherwise}\nfi\n`
}

function repairLine(path: string, match: string, line: string): string {
  const pattern = match.replaceAll('\\b', '\\>').replaceAll('\\s', '[[:space:]]')
  const edit = quote(`s|${pattern}.*|${line.replaceAll('\t', '\\t')}|`)
  return `if grep -qE ${quote(pattern)} ${path}; then sed -i -E ${edit} ${path}; else echo ${quote(line)} >>${path}; fi`
}

function attributes({ path, mode, owner }: PathContent): string {
  return `${path} ${mode.replace(/^0+/, '')} ${owner}`
}

function linesOf(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join('')
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

// The bench's own quoting, not the product's: a fault there must not hide itself here.
function quote(text: string): string {
  return `'${text.replaceAll("'", `'"'"'`)}'`
}
