// One task that takes its time, so that hosts queue for their turn.
import { definePlaybook, play, shell } from 'hostwright'

export default definePlaybook([play({ name: 'slow', hosts: 'all', tasks: [shell.command({ run: 'sleep 3' })] })])
