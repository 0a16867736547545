#!/bin/sh
# Made by envkit 0.1.0 from envkit.toml. Changes made here are lost:
# change envkit.toml, then run `envkit render compose`.
# Replaces what runs by what compose.yaml says, in an order in which nothing is lost. For docker-compose 1: COMPOSE=docker-compose ./deploy.sh
# A compose.override.yaml beside compose.yaml is yours, and read as well.
set -eu
# Another folder of this name is not meant, though CDPATH may lead there.
CDPATH='' cd -- "$(dirname -- "$0")"

# One script at a time, though somebody starts a second one. However a script ends, the kernel lets go of its lock.
exec 9<.
if command -v flock >/dev/null; then # macOS has none
    flock -n 9 9<&9 || { # ksh hands it to no program unless asked
        echo "another deploy.sh is at work here: waiting until it ends" >&2
        flock 9 9<&9
    }
fi

# nginx's container is not root: a umask such as 077, here or where git was, must not close its files.
chmod a+rX proxy proxy/*.conf proxy/*.html proxy/*.sh 2>/dev/null || true

# Where Inertia's file lies beside compose.yaml, docker-compose 1 would take that one, and Compose 2 say so each time.
if [ -e docker-compose.yml ] && [ -z "${COMPOSE_FILE-}" ]; then
    COMPOSE_FILE=compose.yaml
    [ ! -e compose.override.yaml ] || COMPOSE_FILE=$COMPOSE_FILE:compose.override.yaml
    export COMPOSE_FILE
fi

# What these leave running, such as a connection by ssh, must not keep the lock.
docker() {
    command docker "$@" 9<&-
}
compose() {
    # shellcheck disable=SC2086 # two words
    ${COMPOSE:-docker compose} -p shop "$@" 9<&-
}

becomes_healthy() { # SERVICE: all its containers, within two minutes; else its last lines are shown
    tries=0
    steady=0
    before=''
    until found=$(states "$1" | sort -u) && [ "$found" = healthy ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 60 ]; then
            compose logs --no-color --tail=20 "$1" >&2
            probe "$1" >&2
            return 1
        fi
        # Of an image without HEALTHCHECK one sees no more than that it goes on.
        if [ "$found" != "$before" ] || printf '%s\n' "$found" | grep -qv '^running '; then
            steady=0
        fi
        [ "$steady" -lt 5 ] || return 0
        steady=$((steady + 1))
        before=$found
        sleep 2
    done
}
inspect() { # SERVICE, FORMAT: a line for each of its containers
    # shellcheck disable=SC2046 # a word each
    docker inspect --format "$2" $(compose ps -q "$1") 2>/dev/null
}
states() {
    inspect "$1" '{{ with .State.Health }}{{ .Status }}{{ else }}{{ .State.Status }} {{ .State.StartedAt }}{{ end }}'
}
probe() { # the last answer of the health path, or why there was none, which stands in no log
    inspect "$1" '{{ with .State.Health }}{{ range .Log }}{{ .Output }}{{ end }}{{ end }}' |
        grep . | sed -n "\$s/^/$1's health: /p"
}

# Docker refuses what is missing when the app is replaced already, or makes a folder of root's in its place.
is_missing() {
    [ ! -e "$1" ] || return 1
    above=$1
    until [ -e "$above" ]; do
        above=$(dirname -- "$above")
    done
    [ -x "$above" ] # else this user, unlike Docker, may not look
}
for folder in ./data '/srv/up loads'; do
    if is_missing "$folder"; then
        echo "$folder is missing: make it; where the app writes, owned by the container's user, 10001" >&2
        exit 1
    fi
done

# Without its plugin, docker says no more than that it does not know -p.
if ! compose version >/dev/null 2>&1; then
    echo "Compose is missing: install it, or COMPOSE=docker-compose ./deploy.sh" >&2
    exit 1
fi

# With a wrong setting the new container would end at once, and the old one would be gone.
compose run --rm -T --no-deps --entrypoint envkit web check || {
    echo "the settings did not pass the check in the new image: the app was not replaced" >&2
    exit 1
}

# Where nginx runs, it reads its files anew; files that it refuses change nothing and end this.
proxy=$(compose ps -q nginx)
if [ -n "$proxy" ] && [ "$(docker inspect --format '{{ .State.Running }}' "$proxy")" = true ]; then
    docker exec "$proxy" nginx -e stderr -c /etc/envkit/nginx/nginx.conf -s reload || {
        echo "nginx refuses its new files: the app was not replaced" >&2
        exit 1
    }
fi

# A process that is described no more would go on with old code. `up --remove-orphans` of docker-compose 1 would kill it
# at once; and a container of another file than compose.yaml, or of a profile, is yours.
described=$(compose --profile '*' config --services)
columns='{{ .ID }} {{ .Label "com.docker.compose.service" }} {{ .Label "com.docker.compose.project.config_files" }}'
running=$(docker ps --all --filter label=com.docker.compose.project=shop \
    --filter label=com.docker.compose.oneoff=False --format "$columns")
printf '%s\n' "$running" | while read -r container service files; do
    case ,$files in
    *[,/]compose.yaml*) ;;
    *) continue ;;
    esac
    if ! printf '%s\n' "$described" | grep -qxF -e "$service"; then
        echo "$service is described no more, so it is stopped"
        docker stop "$container" >/dev/null
        docker rm "$container" >/dev/null
    fi
done

compose up -d --no-deps web nginx

becomes_healthy web || {
    echo "web does not become healthy, and was not taken back: visitors get the maintenance page until it does" >&2
    exit 1
}
