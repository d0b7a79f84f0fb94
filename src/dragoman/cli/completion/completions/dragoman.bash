# dragoman: completion for bash. In ~/.bashrc:  eval "$(dragoman completion bash)"
_dragoman() {
    local line
    COMPREPLY=()
    while IFS=$'\t' read -r line _; do
        case $line in
            :files) compopt -o default 2>/dev/null ;;
            *) COMPREPLY+=("$line") ;;
        esac
    done < <("${COMP_WORDS[0]}" __complete bash "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == */ ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -F _dragoman dragoman
