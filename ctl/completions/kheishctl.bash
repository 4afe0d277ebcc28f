# shellcheck shell=bash
# bash completion for kheishctl(1)

_kheishctl() {
    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local -a words=()
    local index
    for ((index = 1; index < COMP_CWORD; index++)); do
        [[ ${COMP_WORDS[index]} == -* ]] || words+=("${COMP_WORDS[index]}")
    done

    case $previous in
        --output) mapfile -t COMPREPLY < <(compgen -W "pretty json" -- "$word"); return ;;
        --content-file | --permissions | --credential-scope-file | --capability-scope-file | --signing-key | --next-signing-key | --checkpoint | --project | --updated-input-file | --result-file | --answers-file) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        --workspace | --state-directory) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        --mode) mapfile -t COMPREPLY < <(compgen -W "default acceptEdits plan dontAsk bypassPermissions" -- "$word"); return ;;
        --role) mapfile -t COMPREPLY < <(compgen -W "reader operator admin" -- "$word"); return ;;
        --order) mapfile -t COMPREPLY < <(compgen -W "asc desc" -- "$word"); return ;;
    esac

    local options="--output -H --host --no-ask-password --help --version" verbs=""
    case "${words[*]:0:2}" in
        "run" | "run "*) options+=" --content-file --stdin --idempotency-key --metadata-json --provider --model --wait --session-id --workspace --permissions" ;;
        "sessions create") options+=" --workspace --permissions --credential-scope-json --credential-scope-file --capability-scope-json --capability-scope-file --thread-id --idempotency-key" ;;
        "sessions list") options+=" --page --limit --cursor" ;;
        "sessions input") options+=" --content-file --stdin --idempotency-key --metadata-json --provider --model --wait" ;;
        "sessions stream") options+=" --cursor" ;;
        "sessions interrupt") options+=" --reason --idempotency-key" ;;
        "sessions end") options+=" --reason --idempotency-key" ;;
        "events stream") options+=" --session-id --run-id --cursor" ;;
        "runs list") options+=" --page --limit --cursor --session-id --live --order" ;;
        "runs stream") options+=" --cursor" ;;
        "runs cancel") options+=" --reason --idempotency-key" ;;
        "approvals list") options+=" --session-id" ;;
        "approvals allow") options+=" --justification --updated-input-json --updated-input-file --remember --for --idempotency-key --wait" ;;
        "grants list") options+=" --session-id" ;;
        "grants revoke") options+=" --reason" ;;
        "approvals deny") options+=" --reason --idempotency-key --wait" ;;
        "approvals supply") options+=" --result --result-file --reason --idempotency-key --wait" ;;
        "approvals allow-all") options+=" --justification --idempotency-key --wait" ;;
        "approvals deny-all") options+=" --reason --idempotency-key --wait" ;;
        "questions list") options+=" --session-id" ;;
        "questions answer") options+=" --answers-json --answers-file --interactive --declined --justification --idempotency-key --wait" ;;
        "questions cancel") options+=" --justification --idempotency-key" ;;
        "permissions check") options+=" --input-json --mode --session-id --project --tool-call-id" ;;
        "permissions matrix") options+=" --session-id --project" ;;
        "tokens create") options+=" --role --expires-after" ;;
        "tokens rotate") options+=" --expires-after" ;;
        "tokens revoke") options+=" --reason" ;;
        "secrets set") options+=" --from-file" ;;
        "secrets revoke" | "secrets delete") options+=" --reason" ;;
        "auth revoke-subject" | "auth restore-subject" | "auth revoke-lease" | "auth revoke-slot") options+=" --reason" ;;
        "audit list") options+=" --from --run-id --state-directory" ;;
        "audit show" | "audit epochs" | "audit generate-key") options+=" --state-directory" ;;
        "audit rotate-key") options+=" --signing-key --next-signing-key --lost --state-directory" ;;
        "audit key" | "audit checkpoint" | "audit export" | "audit prove") options+=" --signing-key --state-directory" ;;
        "audit verify") options+=" --key --checkpoint" ;;
        "journal verify" | "journal rebuild") options+=" --state-directory" ;;
        "journal backup") options+=" --state-directory" ;;
        "journal export") options+=" --after --content --state-directory" ;;
        "journal prune") options+=" --older-than --state-directory" ;;
        sessions) verbs="create list get input events stream interrupt end" ;;
        events) verbs="stream" ;;
        runs) verbs="list get explain wait stream events external-actions cancel" ;;
        approvals) verbs="list show allow deny supply allow-all deny-all" ;;
        grants) verbs="list revoke" ;;
        questions) verbs="list show answer cancel" ;;
        permissions) verbs="check matrix" ;;
        tokens) verbs="list create rotate revoke" ;;
        secrets) verbs="generate list get set import-credential revoke delete rotate-master-key" ;;
        auth) verbs="subject revoke-subject restore-subject lease revoke-lease revoke-slot" ;;
        audit) verbs="list show key epochs generate-key rotate-key checkpoint export prove verify" ;;
        journal) verbs="verify backup export prune rebuild" ;;
        "") verbs="status capabilities run sessions events runs approvals grants questions permissions tokens secrets auth audit journal" ;;
    esac

    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
    else
        mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$word")
    fi
}

complete -F _kheishctl kheishctl
