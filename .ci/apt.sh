#!/usr/bin/env bash
# Installs the servers that tests run the agent against, as far as they are missing: `bash .ci/apt.sh`. Needs Debian or a
# system like it, and root. Where that fails it says so and ends well: those tests are skipped then, and say which.
set -u
declare -A packages=([nginx]=nginx-light [caddy]=caddy [squid]=squid-openssl [tinyproxy]=tinyproxy [microsocks]=microsocks [dnsmasq]=dnsmasq-base [etcd]=etcd-server [dockerd]=docker.io [podman]=podman [strace]=strace)
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

missing=()
for program in "${!packages[@]}"; do
  command -v "$program" >/dev/null || missing+=("${packages[$program]}")
done
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi
if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
  echo "note: cannot install ${missing[*]}: needs apt-get and root"
  exit 0
fi
# The tests start their own; nothing of what is installed may run by itself.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >/dev/null 2>&1
for package in "${missing[@]}"; do
  apt-get install -y -qq --no-install-recommends "$package" >/dev/null 2>&1 || echo "note: cannot install $package"
done
exit 0
