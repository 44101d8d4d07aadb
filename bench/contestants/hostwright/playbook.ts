// The content of the bench as a user of hostwright would write it down.
import { join } from 'node:path'
import { apt, definePlaybook, file, play, sysctl, systemd, user } from 'hostwright'
import {
  directories,
  files,
  lines,
  packages,
  services,
  sysctlFile,
  sysctls,
  users,
  variables,
} from '../../content/content.ts'
import { templateName } from '../../content/templates.ts'

const templates = join(import.meta.dirname, '../../scratch/data/templates')

export default definePlaybook([
  play({
    name: 'bench',
    hosts: 'all',
    tasks: (host) => [
      apt.package({ pkg: packages }),
      users.map(({ name, group, shell }) => user({ name, groups: [group], shell })),
      directories.map((directory) => file.directory(directory)),
      files.map((entry) =>
        file.template({
          src: join(templates, templateName(entry, 'ejs')),
          dest: entry.path,
          mode: entry.mode,
          owner: entry.owner,
          vars: { name: host.name, ...variables },
        }),
      ),
      lines.map((entry) => file.line(entry)),
      Object.entries(sysctls).map(([key, value]) => sysctl({ key, value, file: sysctlFile })),
      services.map((unit) => systemd.service({ unit, state: 'started', enabled: true })),
    ],
  }),
])
