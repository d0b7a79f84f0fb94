# dragoman: completion for PowerShell. In $PROFILE:
#   dragoman completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName dragoman -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $line = $commandAst.ToString()
    $end = [Math]::Min($line.Length, $cursorPosition - $commandAst.Extent.StartOffset)
    $line = $line.Substring(0, [Math]::Max(0, $end)).PadRight($cursorPosition - $commandAst.Extent.StartOffset)
    $command = $commandAst.CommandElements[0].ToString()
    & $command __complete powershell $line 2>$null | ForEach-Object {
        if ($_ -ne ':files') {
            $value, $about = $_ -split "`t", 2
            if (-not $about) { $about = $value }
            [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $about)
        }
    }
}
