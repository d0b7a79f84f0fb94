#compdef dragoman
# dragoman: completion for zsh. In ~/.zshrc, after compinit:  eval "$(dragoman completion zsh)"
_dragoman() {
    local line value
    local -a values shown folders
    while IFS= read -r line; do
        if [[ $line == :files ]]; then
            _files
            continue
        fi
        value=${line%%$'\t'*}
        if [[ $value == */ ]]; then
            folders+=("$value")
            continue
        fi
        values+=("$value")
        if [[ $line == *$'\t'* ]]; then
            shown+=("$value  -- ${line#*$'\t'}")
        else
            shown+=("$value")
        fi
    done < <("${words[1]}" __complete zsh "${(@)words[2,CURRENT]}" 2>/dev/null)
    if (( ${#folders} )); then
        compadd -S '' -a folders
    fi
    if (( ${#values} )); then
        compadd -l -d shown -a values
    fi
}
if (( $+functions[compdef] )); then
    compdef _dragoman dragoman
fi
