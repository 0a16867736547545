"""Names that shells keep for themselves: variables that a file cannot set, and commands that are the shell's own.

Measured with bash 5.2, dash 0.5.12, busybox ash 1.35, mksh 59c and zsh 5.9: each name was assigned in a sourced file,
and a program started afterwards looked for it.
"""

from __future__ import annotations

_BASH = (
    "BASHOPTS BASHPID BASH_ALIASES BASH_ARGC BASH_ARGV BASH_ARGV0 BASH_CMDS BASH_LINENO BASH_SOURCE "
    "BASH_SUBSHELL BASH_VERSINFO COMP_WORDBREAKS DIRSTACK EPOCHREALTIME EPOCHSECONDS EUID FUNCNAME "
    "GROUPS LINENO PIPESTATUS PPID RANDOM SECONDS SHELLOPTS SHLVL UID _"
)
_MKSH = "KSHEGID KSHGID KSHUID KSH_VERSION PGRP USER_ID"
_ZSH = (
    "ARGC EGID GID HISTCHARS HISTCMD KEYBOARD_HACK TTYIDLE USERNAME ZSH_EVAL_CONTEXT ZSH_SUBSHELL aliases argv "
    "builtins cdpath commands dirstack dis_aliases dis_builtins dis_functions dis_functions_source dis_galiases "
    "dis_patchars dis_reswords dis_saliases fignore fpath funcfiletrace funcsourcetrace funcstack functions "
    "functions_source functrace galiases histchars history historywords jobdirs jobstates jobtexts keymaps "
    "mailpath manpath module_path modules nameddirs options parameters patchars path pipestatus psvar reswords "
    "saliases status termcap terminfo userdirs usergroups watch widgets zsh_eval_context zsh_scheduled_events"
)
_BASH_NUMBERS = "OPTIND SRANDOM"
_MKSH_NUMBERS = "COLUMNS HISTSIZE LINES TMOUT"
_ZSH_NUMBERS = "ERRNO FUNCNEST KEYTIMEOUT LISTMAX MAILCHECK SAVEHIST TRY_BLOCK_ERROR TRY_BLOCK_INTERRUPT"

_SHELL_OF = {
    name: shell
    for shell, names in (
        ("bash", f"{_BASH} {_BASH_NUMBERS}"),
        ("mksh", f"{_MKSH} {_MKSH_NUMBERS}"),
        ("zsh", f"{_ZSH} {_ZSH_NUMBERS}"),
    )
    for name in names.split()
}

OWN = frozenset(f"{_BASH} {_MKSH} {_ZSH}".split())
"""No value, or not every number, gets through: read-only, lost, counted by the shell, or tied to something else."""
NUMBERS = frozenset(f"{_BASH_NUMBERS} {_MKSH_NUMBERS} {_ZSH_NUMBERS}".split())
"""Only whole numbers get through."""


def whose(name: str) -> str:
    """The shell that keeps this name of `OWN` or `NUMBERS` for itself."""
    return _SHELL_OF[name]


_BUILTINS_WORDS = (
    ". : [ alias autoload bg bind break builtin bye cap caller cat cd chdir clone command comparguments compcall "
    "compctl compdescribe compfiles compgen compgroups complete compopt compquote comptags comptry compvalues "
    "continue declare dirs disable disown echo echotc echoti emulate enable eval exec exit export false fc fg "
    "float functions getcap getconf getln getopts global hash help history integer jobs kill let limit local log "
    "logout mapfile mknod noglob popd print printf private pushd pushln pwd r read readarray readonly realpath "
    "rehash rename return sched set setcap setopt shift shopt sleep source stat suspend test times trap true "
    "ttyctl type typeset ulimit umask unalias unfunction unhash unlimit unset unsetopt vared wait whence where "
    "which zcompile zformat zftp zle zmodload zparseopts zprof zpty zregexparse zsocket zstyle ztcp - [["
)
BUILTINS = frozenset(_BUILTINS_WORDS.split())
"""Commands that some shell runs itself, and which could change its variables."""
