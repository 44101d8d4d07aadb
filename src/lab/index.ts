// `hostwright/lab`: a lab hands the engine an inventory like any other; this is how an inventory file asks for it.
import type { HostEntry } from '../core/inventory.ts'
import { type LabStatus, labStatus } from './lab.ts'

export { type LabStatus, labDown, labKill, labLink, labReset, labStart, labStatus, labUp } from './lab.ts'

/** What an inventory takes from a lab: its hosts and how to reach them, and its ACME directory for the `letsencrypt` role. */
export interface LabInventory {
  readonly identityFile: string
  readonly knownHosts: string
  readonly hosts: Readonly<Record<string, HostEntry>>
  readonly letsencrypt: { readonly directory: string; readonly caFile: string } | undefined
}

/**
 * The running lab as parts of an inventory.
 * @param name which lab; `PROVISION_LAB` or `lab` if absent
 * @returns spread `identityFile`, `knownHosts` and `hosts` into `defineInventory`
 * @throws ProvisionError (`lab`) if there is no such lab, with the command that makes it
 * @example
 * const { letsencrypt, ...lab } = await fromLab()
 * export default defineInventory({ ...lab, groups: { web: ['web1'] } })
 */
export async function fromLab(name: string | undefined = process.env.PROVISION_LAB): Promise<LabInventory> {
  const lab: LabStatus = await labStatus(name)
  return {
    identityFile: lab.identityFile,
    knownHosts: lab.knownHosts,
    hosts: Object.fromEntries(lab.hosts.map((host) => [host.name, { address: host.address, user: host.user }])),
    letsencrypt: lab.acme ? { directory: lab.acme.directory, caFile: lab.acme.caFile } : undefined,
  }
}
