// When a daemon that does not tell has started: when it has come to rest. systemd calls a service of type simple active as soon
// as its process exists (systemd.service(5)); what fails at its start fails while it works, on its configuration or its imports.

/**
 * Defines `at_rest UNIT…`: for services that do not say when they are ready, waits until their processes have hardly used the
 * processor for 0.2 seconds, at most a second. Their time is read from cpu.stat (cgroups(7)), where there is no version 2 of
 * cgroups it waits the second.
 */
export const atRestFunction = `at_rest() {
  told=$(systemctl show --property=Type --property=ControlGroup -- "$@")
  case $told in *Type=simple* | *Type=exec* | *Type=idle*) ;; *) return 0 ;; esac
  tree=/sys/fs/cgroup
  [ -e "$tree/cgroup.controllers" ] || tree=$tree/unified
  [ -e "$tree/cgroup.controllers" ] || { sleep 1; return 0; }
  looks=0 calm=0 before=0
  while [ $looks -lt 20 ] && [ $calm -lt 4 ]; do
    sleep 0.05
    looks=$((looks + 1)) used=0
    while IFS== read -r key group; do
      [ "$key" = ControlGroup ] && [ -n "$group" ] && [ -r "$tree$group/cpu.stat" ] || continue
      read -r key microseconds <"$tree$group/cpu.stat" && used=$((used + microseconds))
    done <<told
$told
told
    if [ $((used - before)) -lt $((1000 * $#)) ]; then calm=$((calm + 1)); else calm=0; fi
    before=$used
  done
}`
