# Bash completion for tattn: commands, options as `tattn COMMAND --help` tells them, kinds of study, files.
#
#     source scripts/completion/tattn.bash

_tattn_words() { # of a help text: long options, or names of commands
  if [ "$1" = options ]; then
    grep -oE -- '--[a-z][a-z-]*' | sort -u
  else
    sed -n '/^Subcommands:/,$p' | sed -nE 's/^  ([a-z]+) .*/\1/p'
  fi
}

_tattn() {
  local tattn=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
  local words=""
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ] || { [ "$command" = help ] && [ "$COMP_CWORD" -eq 2 ]; }; then
    words=$("$tattn" --help 2>/dev/null | _tattn_words commands)
    [ "$COMP_CWORD" -ne 1 ] || words+=" help --help --version"
  elif [ "$command" = study ] && [ "$COMP_CWORD" -eq 2 ]; then
    words="length strong weak accuracy bound"
  else
    case $before in
      --method) words="auto exact polynomial dense" ;;
      --error) words="measured certified" ;;
      --dtype) words="f32 f64" ;;
      --progress) words="auto always never" ;;
      *) [[ $word != -* ]] || words=$("$tattn" "$command" --help 2>/dev/null | _tattn_words options) ;;
    esac
  fi
  if [ -n "$words" ]; then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
    compopt -o filenames 2>/dev/null
  fi
}

complete -F _tattn tattn
