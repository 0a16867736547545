#!/bin/sh
# Made by envkit 0.1.0 from envkit.toml. Changes made here are lost:
# change envkit.toml, then run `envkit render nginx`.
# nginx reads its certificate through the link `certificate`: it leads to certbot's newest or, until there is one, to
# a self-signed one. Run this before nginx starts; with the word "running" after each renewal, then reload nginx.
set -eu

live=/etc/letsencrypt/live/shop.example.org
state=/var/lib/envkit/shop

main() {
    # A running nginx holds certbot's last whole one, and refuses half a renewal: nothing is better than what it has.
    if [ "${1-}" = running ] && [ -d "$live" ] && [ "$(readlink "$state/certificate")" = "$live" ]; then
        return
    fi
    # nginx's workers look for the maintenance flag in this folder.
    umask 022
    mkdir -p "$state"
    umask 077
    if can_be_used "$live"; then
        lead_to "$live"
    elif [ "$(readlink "$state/certificate")" != "$state/self-signed" ] && can_be_used "$state/certificate"; then
        return # it leads to that of another first domain, which is better than none for the others
    else
        [ ! -e "$live/fullchain.pem" ] || [ "${1-}" = running ] ||
            echo "$live: chain and key do not belong together, or cannot be read: a self-signed one stands in" >&2
        sign_one "$state/self-signed"
        lead_to "$state/self-signed"
    fi
}

can_be_used() { # FOLDER: by nginx, which starts with nothing less
    [ -s "$1/fullchain.pem" ] && [ -s "$1/privkey.pem" ] || return 1
    openssl crl2pkcs7 -nocrl -certfile "$1/fullchain.pem" -out /dev/null 2>/dev/null || return 1
    public=$(openssl x509 -pubkey -noout -in "$1/fullchain.pem" 2>/dev/null) || return 1
    [ "$public" = "$(openssl pkey -pubout -passin pass: -in "$1/privkey.pem" 2>/dev/null)" ]
}

sign_one() { # FOLDER
    mkdir -p "$1"
    if ! can_be_used "$1" || ! openssl x509 -checkend 86400 -noout -in "$1/fullchain.pem" >/dev/null 2>&1; then
        if ! said=$(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 \
            -subj "/CN=self-signed until the first certificate is issued" -addext subjectAltName=DNS:shop.example.org,DNS:www.shop.example.org \
            -keyout "$1/privkey.pem" -out "$1/fullchain.pem" 2>&1); then
            printf '%s\n' "$said" >&2
            exit 1
        fi
    fi
}

lead_to() { # FOLDER
    [ "$(readlink "$state/certificate")" != "$1" ] || return 0
    # A script that was killed here may have left the link, and may have had this number: in a container they come again.
    ln -sfn "$1" "$state/certificate.$$"
    mv -fT "$state/certificate.$$" "$state/certificate"
}

main "$@"
