// The scripts that shells load. They ask `provision complete` for everything, so that they need not be made anew.

export const completionScripts = {
  bash: `# Completion of provision for bash. To have it:
#   provision completion bash > ~/.local/share/bash-completion/completions/provision
# or, without the package bash-completion, in ~/.bashrc: source <(provision completion bash)
_provision() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <("$1" complete bash -- "\${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
  if [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == */ ]]; then compopt -o nospace 2>/dev/null; fi
}
complete -F _provision provision
`,
  zsh: `#compdef provision
# Completion of provision for zsh. To have it: provision completion zsh > ~/.zfunc/_provision
# with this in ~/.zshrc: fpath=(~/.zfunc $fpath); autoload -Uz compinit && compinit
_provision() {
  local -a lines values shown folders before
  local line
  (( CURRENT > 2 )) && before=("\${(@Q)words[2,CURRENT-1]}")
  lines=("\${(@f)$("\${(Q)words[1]}" complete zsh -- "\${before[@]}" "\${(Q)PREFIX}" 2>/dev/null)}")
  for line in "\${lines[@]}"; do
    [[ -n $line ]] || continue
    if [[ \${line%%$'\\t'*} == */ ]]; then folders+=("\${line%%$'\\t'*}"); continue; fi
    values+=("\${line%%$'\\t'*}")
    if [[ $line == *$'\\t'* ]]; then shown+=("\${line%%$'\\t'*}  -- \${line#*$'\\t'}"); else shown+=("$line"); fi
  done
  (( \${#folders} )) && compadd -S '' -a folders
  (( \${#values} )) && compadd -l -d shown -a values
  (( \${#folders} + \${#values} ))
}
if [[ $funcstack[1] == _provision ]]; then _provision "$@"; else compdef _provision provision; fi
`,
  fish: `# Completion of provision for fish. To have it: provision completion fish > ~/.config/fish/completions/provision.fish
function __provision_complete
  set -l before (commandline -opc)
  set -l command $before[1]
  set -e before[1]
  $command complete fish -- $before (commandline -ct | string unescape; or commandline -ct) 2>/dev/null
end
complete -c provision -f -a '(__provision_complete)'
`,
} as const
