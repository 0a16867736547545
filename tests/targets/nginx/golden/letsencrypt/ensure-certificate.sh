#!/bin/sh
# Made by envkit 0.1.0 from envkit.toml. Changes made here are lost:
# change envkit.toml, then run `envkit render nginx`.
# nginx reads its certificate through the link `certificate`: it leads to certbot's newest or, until there is one, to
# a self-signed one. Run this before nginx starts and after each renewal, then reload nginx.
set -eu

live=/etc/letsencrypt/live/shop.example.org
state=/var/lib/envkit/shop

# nginx's workers look for the maintenance flag in this folder.
umask 022
mkdir -p "$state"
umask 077
if [ -s "$live/fullchain.pem" ] && [ -s "$live/privkey.pem" ]; then
    folder=$live
else
    folder=$state/self-signed
    mkdir -p "$folder"
    if ! openssl x509 -checkend 86400 -noout -in "$folder/fullchain.pem" >/dev/null 2>&1; then
        if ! said=$(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 \
            -subj "/CN=self-signed until the first certificate is issued" -addext subjectAltName=DNS:shop.example.org,DNS:www.shop.example.org \
            -keyout "$folder/privkey.pem" -out "$folder/fullchain.pem" 2>&1); then
            printf '%s\n' "$said" >&2
            exit 1
        fi
    fi
fi

ln -s "$folder" "$state/certificate.$$"
mv -fT "$state/certificate.$$" "$state/certificate"
