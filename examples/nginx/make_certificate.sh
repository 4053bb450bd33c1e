#!/bin/sh
# A key and a certificate for localhost, which signs itself, for trying the
# example: key.pem and cert.pem beside this file.
set -eu
cd "$(dirname "$0")"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
  -subj /CN=localhost -addext subjectAltName=DNS:localhost \
  -keyout key.pem -out cert.pem
