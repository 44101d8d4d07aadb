// A repository outside: what restic is told of it, and who makes it. Address and credentials are in a file of root's and in the environment
// of restic, never among its arguments, which every user of the host can read.
import { type Host, type Secret, secretText, shell, type Task } from 'hostwright'
import { type Checked, folder, repositoriesOf } from './backup-parameters.ts'

/** The file that restic's environment is read from. */
export function outsideEnvironment({ repository = '', environment }: Checked): Secret {
  return Object.entries(environment).reduce(
    (text, [name, value]) => secretText`${text}${name}=${shellWord(value)}\n`,
    secretText`BACKUP_REPOSITORY=${shellWord(addressOf(repository, environment))}\n`,
  )
}

/** With the credentials of a REST server in it, as they are told of in the environment: restic before 0.17 reads them there only. */
function addressOf(repository: string, environment: Checked['environment']): string | Secret {
  const address = repository.replace(/\/+$/, '')
  const { RESTIC_REST_USERNAME: user, RESTIC_REST_PASSWORD: password } = environment
  const [scheme, rest] = address.split('://', 2)
  if (user === undefined || password === undefined || rest === undefined || !address.startsWith('rest:')) return address
  return secretText`${scheme ?? ''}://${inUrl(user)}:${inUrl(password)}@${rest}`
}

function inUrl(value: string | Secret): string | Secret {
  return typeof value === 'string' ? encodeURIComponent(value) : value.map(encodeURIComponent)
}

function shellWord(value: string | Secret): Secret {
  const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`
  return typeof value === 'string' ? secretText`${quoted(value)}` : value.map(quoted)
}

/** A store has made its repositories itself. One outside is made by one host only, and the others wait: two at a time would make two keys. */
export function makeOutside(given: Checked, host: Host, repository: string): Task | false {
  if (given.repository === undefined) return false
  const users = host.inventory.hosts.filter((other) => repositoriesOf(other).includes(repository))
  const ask = `${folder}/restic external ${repository} cat config >/dev/null`
  return shell.command({
    name: `repository ${repository} outside`,
    run:
      users[0]?.name === host.name
        ? `${folder}/restic external ${repository} init --quiet`
        : `for attempt in 1 2 3 4 5 6 7 8 9 10; do ${ask} && exit; sleep 6; done; exit 1`,
    unless: `${ask} 2>&1`,
  })
}
