// What each simulated host gets: ten resources in two plays, all below /tmp, which every host has of its own.
import { definePlaybook, file, play } from 'hostwright'

const folder = '/tmp/site'

export default definePlaybook([
  play({
    name: 'ground',
    hosts: 'all',
    tasks: [
      file.directory({ path: folder, mode: '0755' }),
      file.directory({ path: `${folder}/conf.d`, mode: '0750' }),
      file.file({ dest: `${folder}/motd`, content: 'one of many\n', mode: '0644' }),
      file.link({ path: `${folder}/current`, target: 'conf.d' }),
      file.link({ path: `${folder}/latest`, target: 'current' }),
    ],
  }),
  play({
    name: 'settings',
    hosts: 'all',
    tasks: [1, 2, 3, 4, 5].map((number) =>
      file.file({
        dest: `${folder}/conf.d/${number}.conf`,
        content: `number=${number}\n`.repeat(20),
        mode: '0640',
      }),
    ),
  }),
])
