// The machines of the Vagrantfile beside this folder: `vagrant up`, then --inventory inventory/vagrant.ts.
import { execFileSync } from 'node:child_process'
import { defineInventory, vagrantHosts } from 'hostwright'

export default defineInventory({
  hosts: vagrantHosts(execFileSync('vagrant', ['ssh-config'], { encoding: 'utf8' })),
  // New machines, new keys: they are recorded at the first contact.
  hostKeyChecking: 'accept-new',
  groups: {
    lb: ['lb1'],
    web: ['web1', 'web2'],
    app: { groups: ['web'] },
    db: { groups: ['web'] },
  },
  vars: {
    site: { domains: ['www.foobar.com', 'foobar.com'] },
    mysql: { flavour: 'mariadb' },
  },
})
