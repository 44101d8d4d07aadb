import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { ProvisionError } from '../core/error.ts'
import { checkName } from './lab-host.ts'

/** Where the lab keeps its files: base images shared by all labs, and one folder a lab. */
export interface LabHome {
  readonly path: string
  readonly bases: string
  readonly packages: string
  readonly labs: string
  readonly locks: string
}

/** The places and names that belong to one lab. */
export interface LabPlace {
  readonly name: string
  /** Six hexadecimal digits that tell this lab's interfaces and tables from those of other labs. */
  readonly id: string
  readonly home: LabHome
  readonly folder: string
  readonly stateFile: string
  readonly identityFile: string
  readonly knownHosts: string
  readonly lockFile: string
}

/** The lab's home: the given folder, else PROVISION_LAB_HOME, else /var/lib/provision-lab. */
export function labHome(stateDirectory?: string): LabHome {
  const path = stateDirectory ?? (process.env.PROVISION_LAB_HOME || '/var/lib/provision-lab')
  if (!/^\/[\w./-]+$/.test(path)) {
    throw new ProvisionError({
      code: 'input',
      message: `The lab's folder "${path}" must be an absolute path of letters, digits and . _ - / only (it becomes a mount option).`,
    })
  }
  return {
    path,
    bases: join(path, 'bases'),
    packages: join(path, 'packages'),
    labs: join(path, 'labs'),
    locks: join(path, 'locks'),
  }
}

/** The places and names of one lab. */
export function labPlace(name = 'lab', stateDirectory?: string): LabPlace {
  checkName('lab', name)
  const home = labHome(stateDirectory)
  const folder = join(home.labs, name)
  return {
    name,
    id: createHash('sha256').update(folder).digest('hex').slice(0, 6),
    home,
    folder,
    stateFile: join(folder, 'lab.json'),
    identityFile: join(folder, 'identity'),
    knownHosts: join(folder, 'known_hosts'),
    lockFile: join(home.locks, `lab-${name}`),
  }
}
