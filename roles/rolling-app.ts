// An app server out of the rotation of the web servers in front of it, and back. nginx takes no such command: its server is marked `down` in
// the configuration, nginx reloads, and its old workers end when their last request has. A run of the role nginx mends the file, too.
import { type Host, shell, type Task } from 'hostwright'
import { upstreamOf, webElsewhere } from './app-tls.ts'
import { membersOf } from './site.ts'

/** One command on each web server without the app; none where this host is no app server, or the only one. */
export function atWebServers(host: Host, state: 'down' | 'up', patience: number, cut: boolean): Task[] {
  const apps = membersOf(host, 'app')
  const own = apps.find((server) => server.name === host.name)
  if (!own || apps.length === 1) return []
  return webElsewhere(host).map((web) =>
    shell.command({
      name: `nginx on ${web.name}: ${host.name} ${state}`,
      run: script,
      env: {
        SERVER: upstreamOf(host, own),
        STATE: state,
        PATIENCE: String(patience),
        CUT: cut ? 'yes' : '',
      },
      on: web.name,
    }),
  )
}

/**
 * Written beside, checked, renamed. The workers that there are now are those whose requests are waited for; none where nothing changes: an
 * nginx that has the server marked already, or not in its upstream, sends it no requests.
 */
const script = `conf=/etc/nginx/conf.d/site.conf
mark() {
  cp -p "$conf" "$conf.new"
  STATE=$1 awk '
    $1 == "server" && $2 == ENVIRON["SERVER"] { found = 1; sub(/( down)?;$/, ENVIRON["STATE"] == "down" ? " down;" : ";") }
    $1 == "server" && $2 != "{" && $NF != "down;" { left++ }
    { print }
    END { exit found && left == 0 }' "$conf" >"$conf.new" || {
    rm -f "$conf.new"
    echo "error: $SERVER is the last app server that takes requests; bring another one back first" >&2
    exit 1
  }
  if cmp -s "$conf" "$conf.new"; then
    rm -f "$conf.new"
    workers=
    return
  fi
  mv -f "$conf.new" "$conf"
  nginx -t -q
  systemctl reload nginx
}
if [ ! -e "$conf" ]; then exit 0; fi
workers=$(pgrep -P "$(cat /run/nginx.pid)" || :)
mark "$STATE"
if [ "$STATE" = up ]; then exit 0; fi
tries=0
for worker in $workers; do
  while kill -0 "$worker" 2>/dev/null; do
    tries=$((tries + 1))
    if [ "$tries" -gt $((PATIENCE * 10)) ]; then
      if [ -n "$CUT" ]; then exit 0; fi
      mark up
      echo "error: requests to $SERVER did not end within $PATIENCE s; it is back in rotation" >&2
      exit 1
    fi
    sleep 0.1
  done
done`
