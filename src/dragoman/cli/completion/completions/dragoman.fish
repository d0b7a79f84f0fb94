# dragoman: completion for fish. In ~/.config/fish/config.fish:  dragoman completion fish | source
function __dragoman_complete
    set -l given (commandline -opc)
    set -l current (commandline -ct)
    for line in ($given[1] __complete fish $given[2..-1] -- "$current" 2>/dev/null)
        if test "$line" = ":files"
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end
complete -c dragoman -f -a '(__dragoman_complete)'
