#!/usr/bin/env bash
# Builds a kube-apiserver for the tests of discovery.kubernetes, which no distribution packages: `bash .ci/kube-apiserver.sh [FILE]`, by
# default /tmp/pprof-agent/kube-apiserver. Needs Go and its module proxy, 3 GB of disk and, on two cores, seven minutes. Where that fails
# it says so and ends well: those tests are skipped then, and say so.
set -u
version=1.34.2
file=${1:-/tmp/pprof-agent/kube-apiserver}

if [ -x "$file" ]; then exit 0; fi
if ! command -v go >/dev/null; then
  echo "note: cannot build kube-apiserver: needs go"
  exit 0
fi
mkdir -p "$(dirname "$file")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 0
export GOFLAGS=-mod=mod GOTOOLCHAIN=local GOWORK=off

# Its parts are modules too, at the same version with 0 in place of 1, but its go.mod looks for them in its own tree.
directory=$(go mod download -json "k8s.io/kubernetes@v$version" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
if [ -z "$directory" ]; then
  echo "note: cannot build kube-apiserver: k8s.io/kubernetes is not to be had"
  exit 0
fi
{
  printf 'module kube-apiserver\n\ngo 1.24.0\n\nrequire k8s.io/kubernetes v%s\n\nreplace (\n' "$version"
  sed -n "s#\(\S*\) => \./staging/src/\(\S*\)#\1 => \2 v0.${version#1.}#p" "$directory/go.mod"
  printf ')\n'
} >go.mod
printf '//go:build tools\n\npackage tools\n\nimport _ "k8s.io/kubernetes/cmd/kube-apiserver/app"\n' >tools.go
major=k8s.io/component-base/version
go mod tidy -e >/dev/null 2>&1
go build -p 2 -o "$file" \
  -ldflags="-s -w -X $major.gitVersion=v$version -X $major.gitMajor=1 -X $major.gitMinor=34" \
  k8s.io/kubernetes/cmd/kube-apiserver || echo "note: cannot build kube-apiserver"
exit 0
