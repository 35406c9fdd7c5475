#!/usr/bin/env bash
# Fetches Apache Kafka for the tests, once for all checkouts, through Maven: the coordinates are in
# event-store/kafka/broker/pom.xml. Says what it does and why before. Where it can't, it says so and ends well: the
# tests that need a broker say then what they leave out.
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p out
log=$PWD/out/kafka.log
cd event-store/kafka/broker
version=$(grep -m1 -oP '(?<=<version>)[^<]+' pom.xml)
jars=${SPENDLOG_TEST_KAFKA:-${XDG_CACHE_HOME:-$HOME/.cache}/spendlog/kafka-$version}

without() {
  echo "*** No Apache Kafka for the tests: $1. What needs it will NOT be tested. ***" >&2
  exit 0
}

packages=()
if ! java --version >/dev/null 2>&1; then
  packages+=(default-jre-headless)
  echo "The tests of the Kafka transport run Apache Kafka, which needs Java 17: default-jre-headless is missing."
fi
if [ ! -d "$jars" ] && ! command -v mvn >/dev/null; then
  packages+=(maven)
  echo "Apache Kafka for the tests is fetched by Maven: maven is missing."
fi
if [ ${#packages[@]} -gt 0 ]; then
  as=()
  if [ "$(id -u)" -ne 0 ]; then as=(sudo); fi
  for program in apt-get "${as[@]}"; do
    command -v "$program" >/dev/null || without "no $program here; install the like of ${packages[*]} yourself"
  done
  echo "Installing ${packages[*]} from your system's package sources."
  apt() { "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -y "$@" >>"$log" 2>&1 </dev/null; }
  : >"$log"
  { apt update && apt install --no-install-recommends "${packages[@]}"; } || without "apt-get failed, see $log"
fi

if [ ! -d "$jars" ]; then
  echo "Fetching Apache Kafka $version for the tests with Maven: 55 MB, once, into $jars"
  mkdir -p "$(dirname "$jars")"
  begun=$(mktemp -d "$jars.XXXXXX")
  trap 'rm -rf "$begun"' EXIT
  # A repository of its own, thrown away afterwards, and no unchecked file.
  fetch() {
    timeout 900 mvn --quiet --batch-mode --strict-checksums "-Dmaven.repo.local=$begun/repository" \
      org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies -DincludeScope=runtime \
      "-DoutputDirectory=$begun/jars" >"$log" 2>&1
  }
  if ! fetch; then
    grep -q PKIX "$log" || without "Maven failed, see $log"
    echo "Java does not know whom this system trusts: telling it, certificate by certificate. That takes a minute or two."
    csplit --silent --elide-empty-files --prefix="$begun/trusted-" "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" '/BEGIN CERTIFICATE/' '{*}'
    for certificate in "$begun"/trusted-*; do
      keytool -importcert -noprompt -keystore "$begun/trust" -storepass changeit -alias "${certificate##*-}" -file "$certificate" >>"$log" 2>&1 || true
    done
    export MAVEN_OPTS="-Djavax.net.ssl.trustStore=$begun/trust -Djavax.net.ssl.trustStorePassword=changeit"
    fetch || without "Maven failed, see $log"
  fi
  # Whole or not at all; if somebody else was faster, theirs is as good.
  mv --no-target-directory "$begun/jars" "$jars" 2>/dev/null || [ -d "$jars" ]
fi
